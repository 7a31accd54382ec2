import { describe, expect, it } from '@jest/globals';
import { ServiceProcess } from '../../support/process.js';
import { bootApp, SECRET } from '../../support/test-app.js';
import { createDatabase } from '../../support/test-database.js';

const BROWSER = { accept: 'text/html' };

describe('The demo logins', () => {
  it('shows demo logins on the home page as long as they work', async () => {
    const app = await bootApp({ DEMO_DATA: 'true' });
    const page = async () => (await app.get('/', { headers: BROWSER })).text;
    const shown = async () => (await page()).match(/<h2>Demo logins[^]*?<\/table>/)?.[0] ?? '';
    for (const word of ['user', 'password', 'guest']) {
      expect(await shown()).toContain(`<code>${word}</code>`);
    }
    const { access: token } = await app.login({ name: 'guest', password: 'guest' });
    expect((await app.send('DELETE', '/api/users/2', { token })).status).toBe(204);
    expect(await shown()).toContain('<code>user</code>');
    expect(await shown()).not.toContain('guest');
    await app.close();
  });

  it('shows no demo logins on the home page in production', async () => {
    const app = await bootApp({ NODE_ENV: 'production', DEMO_DATA: '' });
    expect((await app.get('/', { headers: BROWSER })).text).not.toContain('Demo logins');
    await app.close();
  });

  it.each([
    ['prints the demo logins at a start in development', {}, true],
    [
      'prints no demo logins at a start in production',
      { NODE_ENV: 'production', PUBLIC_URL: 'https://api.test' },
      false,
    ],
  ])(
    '%s',
    async (_, env, isShown) => {
      const database = await createDatabase();
      const settings = { ...database.settings, JWT_SECRET_KEY: SECRET, DEMO_DATA: '', ...env };
      const service = ServiceProcess.spawn(settings);
      await service.client();
      expect(service.output.includes('Demo logins: user/password, guest/guest')).toBe(isShown);
      await service.kill('SIGKILL');
      await database.drop();
    },
    60_000,
  );
});
