import { afterAll, afterEach, beforeAll, describe, expect, it } from '@jest/globals';
import { crate } from '../support/fixture/crates.js';
import { takeProblems } from '../support/response-check.js';
import { bootFixtureApp } from '../support/fixture-app.js';
import type { TestApp } from '../support/test-app.js';

describe('Behind a trusted proxy', () => {
  let app: TestApp;
  let token: string;

  beforeAll(async () => {
    app = await bootFixtureApp({ TRUST_PROXY: '127.0.0.1' });
    token = (await app.newLogin()).access;
  });
  afterAll(() => app.close());
  // The OpenAPI document does not describe the refusal of headers that only a misconfigured proxy
  // sends.
  afterEach(() => void takeProblems());

  it.each([
    ['a path', 'evil.example/path'],
    ['a query', 'evil.example?'],
    ['a fragment', 'evil.example#'],
    ['a user', 'user@evil.example'],
    ['a backslash', 'evil.example\\path'],
    ['a space', 'evil .example'],
    ['the end of a link', 'evil.example>; rel="next"'],
    ['brackets around a name', '[evil.example]'],
    ['a port that is not a number', 'evil.example:port'],
    ['a port at the wrong end', ':80:evil.example'],
    ['markup', '<b>evil.example</b>'],
    ['an encoded slash', 'evil.example%2f'],
    ['letters beyond ASCII', 'év\u00eel.example'],
  ])('puts no forwarded host with %s into a link', async (_, host) => {
    const headers = { 'x-forwarded-host': host };
    const created = await app.send('POST', '/api/crates', { token, json: crate, headers });
    const listed = await app.get('/api/crates?limit=1', { token, headers });
    for (const { status, headers: answered, text } of [created, listed]) {
      const link = answered.get('location') ?? answered.get('link');
      if (status !== 400) {
        expect(status).toBeLessThan(300);
        expect(link).not.toBeNull();
      }
      expect(`${link} ${text}`).not.toContain('evil');
      expect(`${link} ${text}`).not.toContain(host);
    }
  });

  it.each(['javascript', 'ftp', 'https://evil.example', 'http:'])(
    'does not put the forwarded scheme %j into a link',
    async (scheme) => {
      const headers = { 'x-forwarded-proto': scheme };
      const { status, headers: answered } = await app.send('POST', '/api/crates', {
        token,
        json: crate,
        headers,
      });
      if (status !== 400) expect(status).toBe(201);
      expect(answered.get('location') ?? 'http://').toMatch(/^(https?:\/)?\/(?!.*evil)/);
    },
  );
});
