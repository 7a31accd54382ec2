import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { nameKey } from '../../src/users/user-name.js';
import { User } from '../../src/users/user.entity.js';
import { bootApp, type TestApp } from '../support/test-app.js';

const INVISIBLE = 'Must not contain control, zero-width or bidirectional formatting characters.';
const SPACE = 'Must not begin or end with white space.';
const password = 'a password';

describe('User names', () => {
  let app: TestApp;

  beforeAll(async () => {
    app = await bootApp();
  });
  afterAll(() => app.close());

  const register = (name: string) => app.send('POST', '/api/users', { json: { name, password } });

  it.each([
    ['a space at the beginning', ' luke', SPACE],
    ['a no-break space at the end', 'luke\u00a0', SPACE],
    ['an ideographic space at the end', 'luke\u3000', SPACE],
    ['a tab', 'lu\tke', INVISIBLE],
    ['a line break', 'lu\nke', INVISIBLE],
    ['a line separator', 'lu\u2028ke', INVISIBLE],
    ['an escape', 'lu\u001b[31mke', INVISIBLE],
    ['a C1 control', 'lu\u009bke', INVISIBLE],
    ['a zero-width space', 'lu\u200bke', INVISIBLE],
    ['a zero-width joiner', 'lu\u200dke', INVISIBLE],
    ['a byte order mark', 'luke\ufeff', INVISIBLE],
    ['a soft hyphen', 'lu\u00adke', INVISIBLE],
    ['a variation selector', 'luke\ufe0f', INVISIBLE],
    ['a tag', 'luke\u{e0041}', INVISIBLE],
    ['a Hangul filler', '\u3164\u3164', INVISIBLE],
    ['a braille pattern without dots', '\u2800\u2800', INVISIBLE],
    ['a Khitan filler', 'luke\u{16fe4}', INVISIBLE],
    ['an Egyptian joiner', 'luke\u{13430}', INVISIBLE],
    ['a right-to-left override', 'lu\u202eke', INVISIBLE],
    ['a directional isolate', 'lu\u2066ke', INVISIBLE],
    ['a directional mark', 'luke\u200f', INVISIBLE],
  ])('refuses a name with %s at every route that sets a name', async (_, name, message) => {
    const user = await app.newLogin();
    const json = { name, password: user.password };
    const options = { token: user.access, json };
    for (const { status, body } of [
      await register(name),
      await app.send('PUT', `/api/users/${user.id}`, options),
    ]) {
      expect([status, body.message]).toEqual([400, { name: [message] }]);
    }
  });

  it.each(['Padmé Amidala', '🚀🚀', 'Ὀδυσσεύς', "O'Neil-Smith", '李小龙', 'שלום', 'İstanbul'])(
    'registers and logs in a user with the name %s',
    async (name) => {
      const { status, body } = await register(name);
      expect([status, body.name]).toEqual([201, name]);
      await app.login({ name, password });
    },
  );

  it.each([
    ['Leia', 'lEIA'],
    ['ÉLOÏSE', 'éloi\u0308se'],
    ['ΟΔΟΣ', 'οδος'],
    ['οδοσ two', 'ΟΔΟΣ TWO'],
    ['İpek', 'i\u0307pek'],
    ['\u212bngström', '\u00e5ngström'],
    ['𐐀𐐁', '𐐨𐐩'],
  ])(
    'treats %s and %s as one name, but logs in only the registered spelling',
    async (one, other) => {
      expect((await register(one)).status).toBe(201);
      const { status, body } = await register(other);
      expect([status, body.code]).toEqual([400, 'name_taken']);
      await app.login({ name: one, password });
      await expect(app.login({ name: other, password })).rejects.toThrow('401');
    },
  );

  it('lets a user change the case of their name, but not take the name of another user', async () => {
    const [user, other] = [await app.newLogin(), await app.newLogin()];
    const rename = async (name: string) => {
      const json = { name, password: user.password };
      const options = { token: user.access, json };
      return (await app.send('PUT', `/api/users/${user.id}`, options)).status;
    };
    expect(await rename(user.name.toUpperCase())).toBe(200);
    expect(await rename(other.name.toUpperCase())).toBe(400);
    expect((await register(user.name)).body.code).toBe('name_taken');
    expect(await rename(`${user.name} x`)).toBe(200);
    expect((await register(user.name.toUpperCase())).status).toBe(201);
  });

  it('keeps the name and its key consistent in concurrent changes', async () => {
    const user = await app.newLogin();
    const put = (name: string, word: string) =>
      app.send('PUT', `/api/users/${user.id}`, {
        token: user.access,
        json: { name, password: word },
      });
    for (let i = 0; i < 3; i++) {
      const [renamed, kept] = await Promise.all([
        put(`${user.name} ${i}`, user.password),
        put(user.name, user.password),
      ]);
      expect([renamed.status, kept.status]).toEqual([200, 200]);
      const { name, nameKey: key } = await app.sql((manager) =>
        manager.findOneOrFail(User, {
          where: { id: user.id },
          select: { name: true, nameKey: true },
        }),
      );
      expect(key).toBe(nameKey(name));
      await put(user.name, user.password);
    }
  });
});
