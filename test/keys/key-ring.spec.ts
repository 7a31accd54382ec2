import { createSecretKey } from 'node:crypto';
import { describe, expect, it } from '@jest/globals';
import { StartError } from '../../src/errors/start-error.js';
import { type KeyContent, noKeys } from '../../src/keys/key-content.js';
import { KeyRing } from '../../src/keys/key-ring.js';
import { generateKey } from '../../src/keys/stored-key.js';
import { tokenKey } from '../../src/keys/token-key.js';

const own = tokenKey(createSecretKey(Buffer.alloc(32, 'own')), 'HS256');
const [secret, pair] = [generateKey('HS256'), generateKey('ES256')];
const contentOf = (content: Partial<KeyContent> = {}): KeyContent => ({
  ...noKeys(),
  keys: [secret, pair],
  ...content,
});

describe('KeyRing', () => {
  it('signs with the configured key, unless the file names another', () => {
    expect(new KeyRing(own, contentOf()).signing).toBe(own);
    expect(new KeyRing(own, contentOf({ signing: pair.kid })).signing.id).toBe(pair.kid);
    expect(new KeyRing(null, contentOf({ signing: secret.kid })).signing.id).toBe(secret.kid);
  });

  it.each([
    ['a file that names no signing key', null, contentOf()],
    ['a retired configured key', own, contentOf({ retired: [own.id] })],
  ])('throws for %s, since no key signs', (_, key, content) => {
    expect(() => new KeyRing(key, content)).toThrow(
      new StartError(
        'There is no signing key; choose one with: npm run keys -- use <kid>, or set JWT_SECRET_KEY or JWT_PRIVATE_KEY.',
      ),
    );
  });

  it('says how to begin if there is no key at all', () => {
    expect(() => new KeyRing(null, noKeys())).toThrow(
      new StartError(
        'There is no signing key; create one with: npm run keys -- add, and choose it with: npm run keys -- use <kid>, or set JWT_SECRET_KEY or JWT_PRIVATE_KEY.',
      ),
    );
  });

  it.each([
    ['missing', contentOf({ signing: 'other' }), 'other'],
    ['retired', contentOf({ signing: secret.kid, retired: [secret.kid] }), secret.kid],
  ])('throws if the key that should sign is %s', (_, content, id) => {
    expect(() => new KeyRing(own, content)).toThrow(
      `The signing key ${id} does not exist; choose one with`,
    );
  });

  it('finds the keys that verify by their ids', () => {
    const ring = new KeyRing(own, contentOf());
    for (const id of [own.id, secret.kid, pair.kid]) expect(ring.find(id)?.id).toBe(id);
    expect(ring.find('other')).toBeUndefined();
  });

  it('finds the configured key for a token without a kid', () => {
    expect(new KeyRing(own, contentOf({ signing: pair.kid })).find(undefined)).toBe(own);
    expect(new KeyRing(null, contentOf({ signing: pair.kid })).find(undefined)).toBeUndefined();
  });

  it('finds a retired key for unsealing, but not for verification', () => {
    const retired = [own.id, secret.kid];
    const ring = new KeyRing(own, contentOf({ signing: pair.kid, retired }));
    for (const id of [undefined, own.id, secret.kid]) expect(ring.find(id)).toBeUndefined();
    expect(ring.findForUnsealing(own.id)).toBe(own);
    expect(ring.findForUnsealing(secret.kid)?.id).toBe(secret.kid);
    expect(ring.findForUnsealing('other')).toBeUndefined();
  });

  it('publishes the public keys that verify, and no secret', () => {
    const ids = (content: Partial<KeyContent>) =>
      new KeyRing(own, contentOf(content)).publicKeys.map(({ kid }) => kid);
    expect(ids({})).toEqual([pair.kid]);
    expect(ids({ retired: [pair.kid] })).toEqual([]);
  });
});
