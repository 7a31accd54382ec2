import { execFile } from 'node:child_process';
import { runCommand } from './run-command.js';

/** The members of the output of `npm audit --json` that this script reads. */
interface Report {
  auditReportVersion?: number;
  vulnerabilities?: Record<string, { name: string; severity: string; via: (Advisory | string)[] }>;
  /** The error, if the registry did not answer. */
  message?: string;
}
interface Advisory {
  title: string;
  url: string;
}

/** The severities that fail the audit. Lower ones are only reported. */
const FAILING = ['high', 'critical'];
/** Milliseconds. */
const TIMEOUT = 120_000;

/**
 * Fails if a production package has a known vulnerability of severity high or critical, according
 * to the advisories of the registry. If the registry has no advisories or does not answer, the
 * audit says so and passes.
 */
await runCommand(async () => summaryOf(await audit()));

function summaryOf({ vulnerabilities, auditReportVersion, message }: Report): string {
  if (auditReportVersion === undefined || vulnerabilities === undefined) {
    return `NOTE: The packages were not audited: the registry did not answer (${message ?? 'no report'}).`;
  }
  const found = Object.values(vulnerabilities);
  for (const { name, severity, via } of found) {
    const causes = via.map((cause) =>
      typeof cause === 'string' ? `via ${cause}` : `${cause.title} (${cause.url})`,
    );
    console.log(`${severity}: ${name}: ${causes.join(', ')}`);
  }
  const failing = found.filter(({ severity }) => FAILING.includes(severity)).length;
  if (failing > 0) process.exitCode = 1;
  return `Audited the production packages: ${found.length} vulnerable, ${failing} of them high or critical.`;
}

function audit(): Promise<Report> {
  return new Promise((resolve) => {
    const args = ['audit', '--omit=dev', '--json'];
    const options = { timeout: TIMEOUT, maxBuffer: 64 * 1024 * 1024 };
    // npm also exits with an error if it finds vulnerabilities, so that only its output counts.
    execFile('npm', args, options, (error, stdout) => {
      try {
        resolve(JSON.parse(stdout) as Report);
      } catch {
        resolve({ message: error?.message.split('\n', 1)[0] ?? 'no JSON' });
      }
    });
  });
}
