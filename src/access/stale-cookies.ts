import { stringifySetCookie } from 'cookie';
import type { FastifyRequest } from 'fastify';
import type { AppConfig } from '../config/app-config.js';
import { isDomain } from '../config/web-settings.js';
import { listNames, PLAIN_NAMES } from './cookie-names.js';

type CookieSettings = Pick<AppConfig, 'production' | 'web'>;

/** What identifies a cookie in a browser (RFC 6265bis, section 5.7). */
interface CookieKey {
  name: string;
  /** Null for a host-only cookie. */
  domain: string | null;
  path: string;
}

const NAMES = listNames(PLAIN_NAMES);
const PREFIXES = ['', '__Host-', '__Secure-'];

/** Earlier versions limited the refresh cookie to this path. */
const FORMER_REFRESH_PATH = '/auth';

/** Maximum number of domains whose cookies are expired, which bounds the size of a response. */
const MAX_DOMAINS = 5;

/**
 * Returns the `Set-Cookie` headers that expire cookies from earlier versions or other settings. If
 * such a cookie remained beside a current one of the same name, requests would have that cookie
 * twice, and would be refused.
 *
 * In production, cookies without a prefix are always expired, because they are ignored there. Any
 * other cookie is expired only if the request has a cookie of that name. The request does not tell
 * the domain of a cookie, so the cookie is expired for every domain of the host.
 *
 * @param currentNames the cookie names in use; with the domain `COOKIE_DOMAIN` they are not expired
 */
export function expireStaleCookies(
  { headers }: Pick<FastifyRequest, 'headers'>,
  { production, web }: CookieSettings,
  currentNames: readonly string[],
): string[] {
  const sentNames = namesIn(headers.cookie ?? '');
  const domains = domainsOf(web.publicUrl, headers.host ?? '');
  const isCurrent = ({ name, domain, path }: CookieKey) =>
    path === '/' && domain === web.cookieDomain && currentNames.includes(name);

  const stale: CookieKey[] = [];
  if (production || NAMES.some((name) => sentNames.has(name))) {
    stale.push({ name: PLAIN_NAMES.refresh.token, domain: null, path: FORMER_REFRESH_PATH });
    stale.push(...NAMES.map((name) => ({ name, domain: null, path: '/' })));
  }
  for (const prefix of PREFIXES) {
    for (const plain of NAMES) {
      const name = prefix + plain;
      if (!sentNames.has(name)) continue;
      // Browsers accept no `__Host-` cookie with a domain.
      for (const domain of [null, ...(prefix === '__Host-' ? [] : domains)]) {
        stale.push({ name, domain, path: '/' });
      }
    }
  }
  const lines = stale.filter((key) => !isCurrent(key)).map((key) => expire(key, production));
  return [...new Set(lines)];
}

function expire({ name, domain, path }: CookieKey, production: boolean): string {
  return stringifySetCookie({
    ...{ name, value: '', path, maxAge: 0, sameSite: 'strict' },
    // Browsers ignore a prefixed cookie without `Secure`, in development too.
    secure: production || name.startsWith('__'),
    ...(domain !== null && { domain }),
  });
}

function namesIn(cookies: string): Set<string> {
  return new Set(cookies.split(';').map((pair) => pair.split('=', 1)[0]!.trim()));
}

/** The host as browsers know it and its parent domains, as far as they can have cookies. */
function domainsOf(publicUrl: string | null, host: string): string[] {
  const name = publicUrl === null ? host.replace(/:\d*$/, '') : new URL(publicUrl).hostname;
  const labels = name.toLowerCase().split('.');
  return labels
    .map((_, index) => labels.slice(index).join('.'))
    .filter(isDomain)
    .slice(-MAX_DOMAINS);
}
