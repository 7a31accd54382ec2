import { createHash } from 'node:crypto';
import { packageInfo } from '../config/package-info.js';
import type { DemoLogin } from './demo-logins.service.js';

interface HomePage {
  /** The start of every address: an origin with an optional path, or an empty string. */
  base: string;
  /** Whether Swagger UI and the OpenAPI document are served. */
  docs: boolean;
  production: boolean;
  logins: readonly DemoLogin[];
  /** The path of a first request. */
  firstPath: string;
}

const STYLE = `
:root { color-scheme: light dark; --line: #d8dde4; --soft: #f3f5f8; --link: #0b57c2; }
@media (prefers-color-scheme: dark) {
  :root { --line: #3a414c; --soft: #1e232b; --link: #8ab8ff; }
}
body { font: 1rem/1.6 system-ui, sans-serif; max-width: 46rem; margin: 3rem auto; padding: 0 1.25rem; }
@media (prefers-color-scheme: dark) { body { background: #14171c; color: #e3e7ed; } }
h1 { font-size: 1.9rem; line-height: 1.2; margin: 0 0 .25rem; }
h2 { font-size: 1.1rem; margin: 2rem 0 .5rem; }
p { margin: 0 0 1rem; }
a { color: var(--link); }
table { border-collapse: collapse; }
th, td { border-bottom: 1px solid var(--line); padding: .35rem 2rem .35rem 0; text-align: left; vertical-align: top; }
code, pre { font: .9em/1.6 ui-monospace, monospace; }
pre { background: var(--soft); border: 1px solid var(--line); border-radius: .4rem; margin: 0; overflow-wrap: anywhere; white-space: pre-wrap; padding: .75rem 1rem; }
`;

/**
 * The `Content-Security-Policy` of API responses, which also allows the style of this page by its
 * hash (CSP 3, section 2.3.1).
 */
export const HOME_POLICY = [
  "default-src 'none'",
  `style-src 'sha256-${createHash('sha256').update(STYLE).digest('base64')}'`,
  "base-uri 'none'",
  "form-action 'none'",
  "frame-ancestors 'none'",
].join('; ');

/** The page at `/`: one document that loads nothing else. */
export function homePage({ base, docs, production, logins, firstPath }: HomePage): string {
  const links = [
    ...(docs ? [['docs', 'Documentation, to read and to try (Swagger UI)']] : []),
    ...(docs ? [['docs/openapi.json', 'OpenAPI document, for tools']] : []),
    ['health/ready', 'Whether the service takes requests'],
  ] as [string, string][];
  const [title, description] = [packageInfo.name, packageInfo.description].map(escape);
  return `<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>${title}</title>
<style>${STYLE}</style>
</head>
<body>
<h1>${title}</h1>
<p>${description}</p>
<table>
<tr><th scope="col">Address</th><th scope="col">What it is</th></tr>
${links.map((link) => linkRow(base, link)).join('\n')}
</table>
${loginTable(logins)}${production ? '' : firstRequests(base, firstPath, logins[0])}</body>
</html>
`;
}

function linkRow(base: string, [path, meaning]: [string, string]): string {
  return `<tr><td><a href="${escape(`${base}/${path}`)}">/${path}</a></td><td>${meaning}</td></tr>`;
}

function loginTable(logins: readonly DemoLogin[]): string {
  if (logins.length === 0) return '';
  const rows = logins.map(
    ({ name, password }) =>
      `<tr><td><code>${escape(name)}</code></td><td><code>${escape(password)}</code></td></tr>`,
  );
  return `<h2>Demo logins</h2>
<table>
<tr><th scope="col">Name</th><th scope="col">Password</th></tr>
${rows.join('\n')}
</table>
`;
}

function firstRequests(base: string, path: string, login: DemoLogin | undefined): string {
  const commands = [`curl ${base}${path}`];
  if (login) {
    const body = JSON.stringify({ username: login.name, password: login.password });
    commands.push(`curl ${base}/auth/login -H 'content-type: application/json' -d '${body}'`);
  }
  return `<h2>First requests</h2>
<pre>${escape(commands.join('\n'))}</pre>
`;
}

function escape(text: string): string {
  return text.replaceAll(/[&<>"]/g, (character) => `&#${character.charCodeAt(0)};`);
}
