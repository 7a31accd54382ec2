import { execFile } from 'node:child_process';
import { runCommand } from './run-command.js';

/** What `npm audit --json` prints; the members that are read here. */
interface Report {
  auditReportVersion?: number;
  vulnerabilities?: Record<string, { name: string; severity: string; via: (Advisory | string)[] }>;
  /** Of a registry that does not answer. */
  message?: string;
}
interface Advisory {
  title: string;
  url: string;
}

/** Severities that fail; lower ones are shown. */
const FAILING = ['high', 'critical'];
/** Milliseconds. */
const TIMEOUT = 120_000;

/**
 * Fails if a package that production installs has a known vulnerability of severity high or critical,
 * by the registry's advisories. A registry that has none, or does not answer, is told of and passes.
 */
await runCommand(async () => summaryOf(await audit()));

function summaryOf({ vulnerabilities, auditReportVersion, message }: Report): string {
  if (auditReportVersion === undefined || vulnerabilities === undefined) {
    return `NOTE: no audit of packages: the registry does not answer (${message ?? 'no report'}).`;
  }
  const found = Object.values(vulnerabilities);
  for (const { name, severity, via } of found) {
    const texts = via.map((each) =>
      typeof each === 'string' ? `by ${each}` : `${each.title} (${each.url})`,
    );
    console.log(`${severity}: ${name}: ${texts.join(', ')}`);
  }
  const failing = found.filter(({ severity }) => FAILING.includes(severity)).length;
  if (failing > 0) process.exitCode = 1;
  return `Audited the packages of production: ${found.length} vulnerable, ${failing} of them high.`;
}

function audit(): Promise<Report> {
  return new Promise((resolve) => {
    const words = ['audit', '--omit=dev', '--json'];
    const options = { timeout: TIMEOUT, maxBuffer: 64 * 1024 * 1024 };
    // It fails for findings, too, and says so in its report.
    execFile('npm', words, options, (error, stdout) => {
      try {
        resolve(JSON.parse(stdout) as Report);
      } catch {
        resolve({ message: error?.message.split('\n', 1)[0] ?? 'no JSON' });
      }
    });
  });
}
