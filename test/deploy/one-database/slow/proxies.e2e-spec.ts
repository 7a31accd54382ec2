import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { afterAll, beforeAll, describe, expect, it, jest } from '@jest/globals';
import { describeWith } from '../../../support/programs.js';
import { bootApp, type TestApp } from '../../../support/test-app.js';
import {
  CLIENT,
  HOST,
  postByHttp2,
  type Proxy,
  sendTo,
  startHaproxy,
  startNginx,
} from '../../proxies.js';

jest.setTimeout(60_000);

const password = 'a long password';
/** What a client could send to pretend another origin or address. */
const forged = {
  'x-forwarded-host': 'evil.example',
  'x-forwarded-proto': 'https',
  'x-forwarded-for': '192.0.2.66',
};

describe.each([
  ['haproxy', startHaproxy],
  ['nginx', startNginx],
] as const)('%s with the configuration of deploy/', (name, startProxy) => {
  describeWith(name, 'in front of the service', (program) => {
    let app: TestApp;
    let proxy: Proxy;
    let users = 0;

    beforeAll(async () => {
      app = await bootApp({ TRUST_PROXY: '127.0.0.1', TOKEN_COOKIES: 'true' });
      const port = Number(new URL(app.url).port);
      proxy = await startProxy(program, join(app.database.folder, 'proxy'), port);
      for (;;) {
        const sent = await sendTo(proxy.ports.plain, '/health/ready').catch(() => undefined);
        if (sent?.status === 200) break;
        await sleep(50);
      }
    });
    afterAll(async () => {
      // On SIGTERM nginx also ends its workers.
      proxy.child.kill('SIGTERM');
      await app.close();
    });

    /** Registers a user, and logs in. */
    const use = async (tls: boolean, headers: Record<string, string> = {}) => {
      const port = tls ? proxy.ports.tls : proxy.ports.plain;
      const username = `pilot ${++users}`;
      const json = { name: username, password };
      const created = await sendTo(port, '/api/users', { tls, headers, json });
      const options = { tls, headers, json: { username, password } };
      const login = await sendTo(port, '/auth/login', options);
      const { access_token: token } = JSON.parse(login.text) as { access_token: string };
      const authorization = { ...headers, authorization: `Bearer ${token}` };
      const page = await sendTo(port, '/api/users?limit=1', { tls, headers: authorization });
      const sessions = await sendTo(port, '/auth/sessions', { tls, headers: authorization });
      const [session] = JSON.parse(sessions.text) as { ip: string }[];
      return { created, login, page, ip: session!.ip };
    };

    it('gives links the scheme and the host that the client used', async () => {
      const plain = await use(false);
      expect(plain.created.headers.location).toMatch(`http://${HOST}/api/users/`);
      expect(plain.page.headers.link).toMatch(`<http://${HOST}/api/users?`);
      const secure = await use(true);
      expect(secure.created.headers.location).toMatch(`https://${HOST}/api/users/`);
      expect(secure.page.headers.link).toMatch(`<https://${HOST}/api/users?`);
    });

    it('gives them to a client of HTTP/2 as well', async () => {
      const json = { name: `pilot ${++users}`, password };
      const location = await postByHttp2(proxy.ports.tls, '/api/users', json);
      expect(location).toMatch(`https://${HOST}/api/users/`);
    });

    it('passes cookies to the client unchanged', async () => {
      const { login } = await use(true);
      const cookies = login.headers['set-cookie'] ?? [];
      const attributes = cookies.filter((cookie) => /^access_token_cookie=[^;]+; /.test(cookie));
      expect(attributes).toEqual([expect.stringMatching(/; HttpOnly/)]);
      expect(attributes[0]).toMatch(/; Path=\//);
      expect(attributes[0]).toMatch(/; SameSite=Strict/);
      expect(attributes[0]).not.toMatch(/Domain=/i);
    });

    it('lets no client claim another scheme, host or address', async () => {
      const { created, ip } = await use(false, forged);
      expect(created.headers.location).toMatch(`http://${HOST}/api/users/`);
      expect(ip).toBe(CLIENT);
    });

    it('redirects HTTP to HTTPS, and keeps the method', async () => {
      const path = '/api/users?limit=1';
      const { status, headers } = await sendTo(proxy.ports.redirect, path, { json: {} });
      expect([status, headers.location]).toEqual([308, `https://${HOST}${path}`]);
    });
  });
});
