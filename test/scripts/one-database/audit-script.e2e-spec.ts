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

  /** Runs the audit with an `npm` that prints this and ends so. */
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
        `${severity}: bad: A hole (https://x.example/1)\nlow: worse: by bad`,
      );
      expect(output).toContain('2 vulnerable, 1 of them high.');
    },
  );

  it('shows a moderate vulnerability, and passes', async () => {
    const { code, output } = await run(report('moderate'), 1);
    expect([code, output]).toEqual([0, expect.stringContaining('moderate: bad: A hole')]);
  });

  it('passes without a vulnerability', async () => {
    const empty = JSON.stringify({ auditReportVersion: 2, vulnerabilities: {} });
    const { code, output } = await run(empty, 0);
    const sentence = 'Audited the packages of production: 0 vulnerable, 0 of them high.\n';
    expect([code, output]).toEqual([0, sentence]);
  });

  it.each([
    ['an error of the registry', '{"message":"405 Method Not Allowed","statusCode":405}', '405'],
    ['no network', '{"message":"getaddrinfo ENOTFOUND registry.example"}', 'ENOTFOUND'],
    ['no JSON', '<html>', 'Command failed'],
    ['nothing', '', 'Command failed'],
  ])('notes that it did not happen, and passes, with %s', async (_, answer, reason) => {
    const { code, output } = await run(answer, 1);
    expect(code).toBe(0);
    expect(output).toContain('NOTE: no audit of packages: the registry does not answer');
    expect(output).toContain(reason);
  });
});
