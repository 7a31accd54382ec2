import { createSecretKey } from 'node:crypto';
import { describe, expect, it } from '@jest/globals';
import { StartError } from '../../src/errors/start-error.js';
import { type KeyFileContent, noKeys } from '../../src/keys/key-file.js';
import { KeyRing } from '../../src/keys/key-ring.js';
import { generateKey } from '../../src/keys/stored-key.js';
import { tokenKey } from '../../src/keys/token-key.js';

const own = tokenKey(createSecretKey(Buffer.alloc(32, 'own')), 'HS256');
const [secret, pair] = [generateKey('HS256'), generateKey('ES256')];
const contentOf = (content: Partial<KeyFileContent> = {}): KeyFileContent => ({
  ...noKeys(),
  keys: [secret, pair],
  ...content,
});

describe('A ring of keys', () => {
  it('signs with the key of the settings, unless the file names another', () => {
    expect(new KeyRing(own, contentOf()).signing).toBe(own);
    expect(new KeyRing(own, contentOf({ signing: pair.kid })).signing.id).toBe(pair.kid);
    expect(new KeyRing(null, contentOf({ signing: secret.kid })).signing.id).toBe(secret.kid);
  });

  it.each([
    ['none', null, contentOf()],
    ['a retired one of the settings alone', own, contentOf({ retired: [own.id] })],
  ])('cannot be made if there is no key that signs, but %s', (_, key, content) => {
    expect(() => new KeyRing(key, content)).toThrow(
      new StartError(
        'No key signs; name one by: npm run keys -- use <kid>, or set JWT_SECRET_KEY or JWT_PRIVATE_KEY.',
      ),
    );
  });

  it.each([
    ['missing', contentOf({ signing: 'other' }), 'other'],
    ['retired', contentOf({ signing: secret.kid, retired: [secret.kid] }), secret.kid],
  ])('cannot be made if the key that should sign is %s', (_, content, id) => {
    expect(() => new KeyRing(own, content)).toThrow(
      `The key that should sign, ${id}, is not there; name one by`,
    );
  });

  it('finds the keys that verify by their ids', () => {
    const ring = new KeyRing(own, contentOf());
    for (const id of [own.id, secret.kid, pair.kid]) expect(ring.find(id)?.id).toBe(id);
    expect(ring.find('other')).toBeUndefined();
  });

  it('finds the key of the settings for a token without an id', () => {
    expect(new KeyRing(own, contentOf({ signing: pair.kid })).find(undefined)).toBe(own);
    expect(new KeyRing(null, contentOf({ signing: pair.kid })).find(undefined)).toBeUndefined();
  });

  it('lets a retired key open what it sealed, and verify nothing', () => {
    const retired = [own.id, secret.kid];
    const ring = new KeyRing(own, contentOf({ signing: pair.kid, retired }));
    for (const id of [undefined, own.id, secret.kid]) expect(ring.find(id)).toBeUndefined();
    expect(ring.findForUnsealing(own.id)).toBe(own);
    expect(ring.findForUnsealing(secret.kid)?.id).toBe(secret.kid);
    expect(ring.findForUnsealing('other')).toBeUndefined();
  });

  it('publishes the public keys that verify, and no secret', () => {
    const ids = (content: Partial<KeyFileContent>) =>
      new KeyRing(own, contentOf(content)).publicKeys.map(({ kid }) => kid);
    expect(ids({})).toEqual([pair.kid]);
    expect(ids({ retired: [pair.kid] })).toEqual([]);
  });
});
