import type { SettingsReader } from './settings-reader.js';

/** How the service is reached from outside, which cookies it sets, and how it protects writes. */
export interface WebSettings {
  /** What `Location` and `Link` start with, without a slash at the end; null without the setting. */
  readonly publicUrl: string | null;
  /** Whether a login also sets its tokens as cookies, and routes take them from there. */
  readonly tokenCookies: boolean;
  /** Whether tokens are only sent as cookies, and never in a body. */
  readonly cookiesOnly: boolean;
  /** The attribute `Domain` of the cookies; null for cookies of this host only. */
  readonly cookieDomain: string | null;
  /** Whether `PUT`, `PATCH` and `DELETE` of a resource need `If-Match`. */
  readonly requireIfMatch: boolean;
  /** How long the answer to a request with an `Idempotency-Key` is kept. */
  readonly idempotencyRetention: number;
}

export function readWebSettings(read: SettingsReader, production: boolean): WebSettings {
  const publicUrl = readPublicUrl(read, production);
  const cookies = read.choice('TOKEN_COOKIES', ['false', 'true', 'only'], 'false');
  const tokenCookies = cookies !== 'false';
  const cookieDomain = readCookieDomain(read, publicUrl);
  if (cookieDomain !== null && !tokenCookies) {
    read.warning('COOKIE_DOMAIN is not used, because TOKEN_COOKIES is false.');
  } else if (cookieDomain !== null && production) {
    read.warning(
      `COOKIE_DOMAIN: every host below ${cookieDomain} receives the token cookies and can set cookies of the same names; set it only if you control all of these hosts.`,
    );
  }
  return {
    ...{ publicUrl, tokenCookies, cookiesOnly: cookies === 'only', cookieDomain },
    requireIfMatch: read.flag('REQUIRE_IF_MATCH', false),
    idempotencyRetention: read.duration('IDEMPOTENCY_RETENTION', '24h'),
  };
}

function readPublicUrl(read: SettingsReader, production: boolean): string | null {
  const text = read.text('PUBLIC_URL');
  if (text === undefined) {
    if (production) {
      read.warning(
        'PUBLIC_URL is not set: Location and Link contain paths without a host; set it to the address that clients use, such as https://api.example.com.',
      );
    }
    return null;
  }
  const url = parsePublicUrl(text);
  if (url === null) {
    // The message does not repeat the value, which may contain a password.
    read.problem(
      'PUBLIC_URL is invalid: use an http or https origin with an optional path and without credentials, query or fragment, such as https://api.example.com or https://example.com/api.',
    );
  }
  return url;
}

/** Returns the URL without a slash at the end; null if no link can start with it. */
function parsePublicUrl(text: string): string | null {
  // `URL` accepts what browsers repair: backslashes, missing slashes, white space, and more.
  if (!/^https?:\/\/[^\s\\/?#@<>"]+(?:\/[^\s\\?#<>"]*)?$/i.test(text)) return null;
  if (!URL.canParse(text)) return null;
  const { origin, pathname } = new URL(text);
  return origin + pathname.replace(/\/+$/, '');
}

/** RFC 1123, section 2.1: labels of letters, digits and hyphens. */
const LABEL = /^[a-z\d](?:[a-z\d-]{0,61}[a-z\d])?$/;

function readCookieDomain(read: SettingsReader, publicUrl: string | null): string | null {
  const text = read.text('COOKIE_DOMAIN');
  if (text === undefined) return null;
  const domain = text.toLowerCase();
  if (!isDomain(domain)) {
    read.problem(
      `COOKIE_DOMAIN: "${text}" is not a domain; use a domain name of at least two labels, such as example.com.`,
    );
    return null;
  }
  // RFC 6265, section 5.3: a browser ignores a cookie for a domain that does not contain the host.
  const host = publicUrl === null ? null : new URL(publicUrl).hostname;
  if (host !== null && host !== domain && !host.endsWith(`.${domain}`)) {
    read.problem(
      `COOKIE_DOMAIN: the host of PUBLIC_URL, ${host}, is not in the domain ${domain}; use the domain of this host, or one above it.`,
    );
  }
  return domain;
}

/** Whether a name in lower case can be the `Domain` of a cookie. */
export function isDomain(text: string): boolean {
  const labels = text.split('.');
  const isAddress = /^\d+$/.test(labels.at(-1) ?? '');
  return (
    text.length <= 253 && labels.length >= 2 && !isAddress && labels.every((x) => LABEL.test(x))
  );
}
