import { cpSync, existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, describe, expect, it, jest } from '@jest/globals';
import { runChild } from '../../../support/children.js';
import { describeWith } from '../../../support/programs.js';

jest.setTimeout(60_000);

const folder = mkdtempSync(join(tmpdir(), 'nest-rest-jwt-'));

const run = async (program: string, words: string[], env: Record<string, string> = {}) => {
  const { status, output } = await runChild(program, words, { env: { ...process.env, ...env } });
  return [status, output];
};

/** The lines of a file without comments. */
const linesOf = (file: string) =>
  readFileSync(join('deploy', file), 'utf8')
    .split('\n')
    .map((line) => line.trim())
    .filter((line) => line !== '' && !line.startsWith('#'));

describe('The files of deploy/', () => {
  afterAll(() => rmSync(folder, { recursive: true }));

  describeWith('docker-compose', 'compose.yaml', (program) => {
    const file = 'deploy/compose.yaml';
    const text = readFileSync(file, 'utf8');
    const secrets = { JWT_SECRET_KEY: 'a', POSTGRES_PASSWORD: 'b', GRAFANA_PASSWORD: 'c' };

    it('is valid', async () => {
      const [status, output] = await run(program, ['-f', file, 'config', '--quiet'], secrets);
      expect([status, output]).toEqual([0, '']);
    });

    it.each(Object.keys(secrets))('requires %s', async (name) => {
      const env = { ...secrets, [name]: '' };
      const [status, output] = await run(program, ['-f', file, 'config'], env);
      expect([status, output]).toEqual([1, expect.stringContaining(`Set ${name} in deploy/.env`)]);
    });

    it('gives the service only settings that docs/settings.md describes', () => {
      const [, block = ''] = /^ {2}api:\n[^]*?^ {4}environment:\n((?: {6}.*\n)+)/m.exec(text) ?? [];
      const names = [...block.matchAll(/^ {6}([A-Z_]+):/gm)].map(([, name]) => name!);
      const settings = readFileSync('docs/settings.md', 'utf8');
      expect(names).toContain('DATABASE_URL');
      expect(names.filter((name) => !settings.includes(`\`${name}\``))).toEqual([]);
    });

    it('mounts only files and folders that exist', () => {
      const mounts = [...text.matchAll(/'\.\/([^:]+):/g)].map(([, path]) => path!);
      expect(mounts).toContain('prometheus');
      expect(mounts.filter((path) => !existsSync(join('deploy', path)))).toEqual([]);
    });
  });

  it('have one configuration of HAProxy, apart from the addresses', () => {
    const withoutAddresses = (file: string) =>
      linesOf(file).map((line) => line.replace(/[\d.]+:\d+/, ''));
    expect(withoutAddresses('several-instances/haproxy.cfg')).toEqual(
      withoutAddresses('haproxy.cfg'),
    );
  });

  it('give several instances only settings that docs/settings.md describes', () => {
    const names = linesOf('several-instances/service.env').map((line) => line.split('=')[0]!);
    const settings = readFileSync('docs/settings.md', 'utf8');
    expect(names).toContain('DATABASE_URL');
    expect(names.filter((name) => !settings.includes(`\`${name}\``))).toEqual([]);
  });

  describeWith('haproxy', 'compose/haproxy.cfg', (program) => {
    it('is valid', async () => {
      const [status] = await run(program, ['-c', '-f', 'deploy/compose/haproxy.cfg']);
      expect(status).toBe(0);
    });

    it('differs from haproxy.cfg only in the instances and the log', () => {
      const known = linesOf('haproxy.cfg');
      const own = linesOf('compose/haproxy.cfg').filter((line) => !known.includes(line));
      const expected = /^(log|resolvers|nameserver|hold|bind|server-template) /;
      expect(own.filter((line) => !expected.test(line))).toEqual([]);
      const missing = known.filter((line) => !linesOf('compose/haproxy.cfg').includes(line));
      expect(missing.filter((line) => !/^(bind|server) /.test(line))).toEqual([]);
    });
  });

  describeWith('promtool', 'prometheus/prometheus.yml', (program) => {
    it('is valid, together with its rules', async () => {
      cpSync('deploy/prometheus', folder, { recursive: true });
      const file = join(folder, 'prometheus.yml');
      const [status, output] = await run(program, ['check', 'config', file]);
      expect([status, output]).toEqual([0, expect.stringContaining('SUCCESS')]);
    });
  });

  describeWith('systemd-analyze', 'the units of systemd', (program) => {
    const files = ['nest-rest-jwt.service', 'litestream.service'].map((name) => {
      const text = readFileSync(join('deploy', name), 'utf8');
      const file = join(folder, name);
      // The programs may be elsewhere on the machine of the tests.
      writeFileSync(file, text.replace(/(?<=^ExecStart=)\S+/m, process.execPath));
      return file;
    });

    it('are valid', async () => {
      expect(await run(program, ['verify', ...files])).toEqual([0, '']);
    });

    it.each([
      ['nest-rest-jwt.service', 15],
      ['litestream.service', 25],
    ])('restrict %s', async (name, limit) => {
      // In tenths. A service without restrictions has 9.6.
      const words = ['security', '--offline=true', `--threshold=${limit}`, join(folder, name)];
      const [status, output] = await run(program, words);
      expect([status, output]).toEqual([0, expect.stringContaining('Overall exposure level')]);
    });
  });
});
