import { chmodSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { delimiter, join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import { ServiceProcess } from '../../support/process.js';

describe('The audit of packages', () => {
  let folder: string;

  beforeEach(() => {
    folder = mkdtempSync(join(tmpdir(), 'audit-'));
  });
  afterEach(() => rmSync(folder, { recursive: true, force: true }));

  /** Runs the audit with an `npm` that prints `output` and exits with `code`. */
  const run = async (output: string, code: number) => {
    writeFileSync(join(folder, 'report'), output);
    const npm = join(folder, 'npm');
    writeFileSync(npm, `#!/bin/sh\ncat "$(dirname "$0")/report"\nexit ${code}\n`);
    chmodSync(npm, 0o755);
    const PATH = [folder, process.env.PATH].join(delimiter);
    const script = ServiceProcess.spawn({ PATH }, 'scripts/audit.js');
    return { code: await script.exit(), output: script.output };
  };
  const report = (severity: string) =>
    JSON.stringify({
      auditReportVersion: 2,
      vulnerabilities: {
        bad: { name: 'bad', severity, via: [{ title: 'A hole', url: 'https://x.example/1' }] },
        worse: { name: 'worse', severity: 'low', via: ['bad'] },
      },
    });

  it.each(['high', 'critical'])(
    'fails for a vulnerability of the severity %s',
    async (severity) => {
      const { code, output } = await run(report(severity), 1);
      expect(code).toBe(1);
      expect(output).toContain(
        `${severity}: bad: A hole (https://x.example/1)\nlow: worse: via bad`,
      );
      expect(output).toContain('2 vulnerable, 1 of them high or critical.');
    },
  );

  it('passes the audit with a moderate vulnerability, and prints it', async () => {
    const { code, output } = await run(report('moderate'), 1);
    expect([code, output]).toEqual([0, expect.stringContaining('moderate: bad: A hole')]);
  });

  it('passes the audit without a vulnerability', async () => {
    const empty = JSON.stringify({ auditReportVersion: 2, vulnerabilities: {} });
    const { code, output } = await run(empty, 0);
    const sentence = 'Audited the production packages: 0 vulnerable, 0 of them high or critical.\n';
    expect([code, output]).toEqual([0, sentence]);
  });

  it.each([
    ['an error of the registry', '{"message":"405 Method Not Allowed","statusCode":405}', '405'],
    ['no network', '{"message":"getaddrinfo ENOTFOUND registry.example"}', 'ENOTFOUND'],
    ['output that is not JSON', '<html>', 'Command failed'],
    ['no output', '', 'Command failed'],
  ])('passes with a note that there was no audit: %s', async (_, answer, reason) => {
    const { code, output } = await run(answer, 1);
    expect(code).toBe(0);
    expect(output).toContain('NOTE: The packages were not audited: the registry did not answer');
    expect(output).toContain(reason);
  });
});
