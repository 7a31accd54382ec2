import { randomInt } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { freePort } from '../../support/tcp-proxy.js';

/** The ports that the files of deploy/several-instances name. */
const PORTS = [3000, 5432, 6379, 6432, 8080, 9464];

/** The address from which all parts connect, because they run on one machine. */
const LOCAL = '127.0.0.1';

/**
 * Addresses and ports of this machine in place of those that the files of deploy/several-instances
 * name.
 */
export class Network {
  private constructor(
    /** The first three numbers of each address, with a dot at the end. */
    private readonly prefix: string,
    private readonly ports: ReadonlyMap<number, number>,
    private readonly replacements: ReadonlyMap<string, string>,
  ) {}

  /** @param replacements words of the files, such as passwords and paths, and their values */
  static async create(replacements: Record<string, string>): Promise<Network> {
    const prefix = `127.${randomInt(100, 200)}.${randomInt(250)}.`;
    const ports = new Map<number, number>();
    for (const port of PORTS) ports.set(port, await freePort());
    return new Network(prefix, ports, new Map(Object.entries(replacements)));
  }

  /** @param number the last number of the address, such as 21 for 10.0.0.21 */
  address(number: number): string {
    return this.prefix + number;
  }

  /** @param port the port that the files name */
  port(port: number): number {
    return this.ports.get(port)!;
  }

  /** The address and the port in place of `10.0.0.<number>:<port>`. */
  host(number: number, port: number): string {
    return `${this.address(number)}:${this.port(port)}`;
  }

  /** A file of deploy/several-instances with the addresses, ports and words of this run. */
  file(name: string): string {
    let text = readFileSync(join('deploy', 'several-instances', name), 'utf8')
      // Rules about callers. All parts call from the same address.
      .replace(/10\.0\.0\.\d+\/\d+/g, `${LOCAL}/32`)
      .replace('TRUST_PROXY=10.0.0.10', `TRUST_PROXY=${LOCAL}`)
      .replace(/\b10\.0\.0\./g, this.prefix);
    for (const [port, other] of this.ports) {
      text = text.replace(new RegExp(`(?<=[:=\\s])${port}\\b`, 'g'), String(other));
    }
    for (const [word, value] of this.replacements) text = text.replaceAll(word, value);
    return text;
  }
}
