import { createHash, generateKeyPairSync, sign } from 'node:crypto';
import { createServer, type Server } from 'node:https';
import type { AddressInfo } from 'node:net';
import { passOn } from './http-proxy.js';

/** A registrable domain for the tests. */
export const DOMAIN = 'company.test';
const API = `api.${DOMAIN}`;
const APP = `app.${DOMAIN}`;
const SIBLING = `other.${DOMAIN}`;

/** The option of Chromium that resolves every host of the domain to this machine. */
export const RESOLVE_SIBLINGS = `--host-resolver-rules=MAP *.${DOMAIN} 127.0.0.1`;

/** A service, the page of its client and a hostile page, at three hosts of a domain, over TLS. */
interface SiblingHosts {
  /** The origin of the service. */
  api: string;
  /** The URL at which the service listens without TLS. */
  target: string;
  /** The origin of the page of the client. */
  app: string;
  /** The origin of the hostile page, whose response sets the cookies in `planted`. */
  sibling: string;
  /** The `Set-Cookie` headers of the hostile page. */
  planted: string[];
  close(): void;
}

/** @param target the URL at which the service listens without TLS; empty if it is set later */
export async function serveSiblingHosts(target = ''): Promise<SiblingHosts> {
  const hosts = { api: '', app: '', sibling: '', target, planted: [] as string[] };
  const server: Server = createServer(selfSigned(), (incoming, answer) => {
    if (incoming.headers.host?.startsWith(SIBLING)) {
      answer.writeHead(200, { 'content-type': 'text/html', 'set-cookie': hosts.planted });
      return void answer.end('<h1>Another page</h1>');
    }
    if (incoming.headers.host?.startsWith(APP)) {
      answer.writeHead(200, { 'content-type': 'text/html' });
      return void answer.end('<h1>The page of the client</h1>');
    }
    passOn(hosts.target, incoming, answer);
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const { port } = server.address() as AddressInfo;
  return Object.assign(hosts, {
    api: `https://${API}:${port}`,
    app: `https://${APP}:${port}`,
    sibling: `https://${SIBLING}:${port}`,
    close: () => {
      server.close();
      server.closeAllConnections();
    },
  });
}

/** A self-signed certificate (RFC 5280, section 4.1), with its key. */
function selfSigned(): { key: string; cert: string } {
  const { privateKey, publicKey } = generateKeyPairSync('ec', { namedCurve: 'P-256' });
  const ecdsaWithSha256 = der(0x30, Buffer.from('06082a8648ce3d040302', 'hex'));
  const commonName = der(0x30, Buffer.from('0603550403', 'hex'), der(0x0c, Buffer.from(API)));
  const name = der(0x30, der(0x31, commonName));
  const spki = publicKey.export({ type: 'spki', format: 'der' });
  const serial = createHash('sha256').update(spki).digest().subarray(0, 8);
  serial[0] = 1;
  const toBeSigned = der(
    0x30,
    der(0x02, serial),
    ecdsaWithSha256,
    name,
    der(0x30, utcTime('200101000000Z'), utcTime('491231235959Z')),
    name,
    spki,
  );
  const signature = sign('sha256', toBeSigned, privateKey);
  const bits = der(0x03, Buffer.from([0]), signature);
  const certificate = der(0x30, toBeSigned, ecdsaWithSha256, bits).toString('base64');
  return {
    key: privateKey.export({ type: 'pkcs8', format: 'pem' }) as string,
    cert: `-----BEGIN CERTIFICATE-----\n${certificate}\n-----END CERTIFICATE-----\n`,
  };
}

const utcTime = (text: string) => der(0x17, Buffer.from(text));

/** One element of DER: its tag, its length and its content. */
function der(tag: number, ...content: Buffer[]): Buffer {
  const body = Buffer.concat(content);
  const size = body.length;
  const length = size < 128 ? [size] : size < 256 ? [0x81, size] : [0x82, size >> 8, size & 255];
  return Buffer.concat([Buffer.from([tag, ...length]), body]);
}
