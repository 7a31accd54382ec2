import { createSecretKey, hkdfSync } from 'node:crypto';
import { describe, expect, it } from '@jest/globals';
import { StartError } from '../../src/errors/start-error.js';
import { decryptText, encryptText } from '../../src/keys/encrypted-text.js';
import { noKeys } from '../../src/keys/key-content.js';
import { openSealedKeys, sealKeys } from '../../src/keys/sealed-keys.js';
import { generateKey } from '../../src/keys/stored-key.js';

const [secret, next] = [1, 2].map((fill) => createSecretKey(Buffer.alloc(32, fill)));
const current = { secret: secret!, previousSecret: null };
const key = generateKey('HS256');
const content = { ...noKeys(), keys: [key], signing: key.kid };
const sealingKey = Buffer.from(
  hkdfSync('sha256', secret!.export(), '', 'nest-rest-jwt stored keys', 32),
);
const unopened = new StartError(
  'The keys in the database cannot be opened: JWT_KEYS_SECRET is not the secret that sealed them, or the table token_keys is damaged. Set the secret that sealed them, as JWT_KEYS_PREVIOUS_SECRET if it was changed; or restore a backup of the database.',
);

describe('sealKeys', () => {
  it('seals keys that the same secret opens', () => {
    const sealed = sealKeys(content, 7, current);
    expect(sealed.revision).toBe(7);
    expect(openSealedKeys(sealed, current)).toEqual(content);
  });

  it('derives the key from the secret, and authenticates the revision', () => {
    const { sealed } = sealKeys(content, 7, current);
    expect(decryptText(sealed, sealingKey, 'token_keys 7')).toBe(JSON.stringify(content));
    expect(() => openSealedKeys({ revision: 8, sealed }, current)).toThrow(unopened);
  });

  it('seals with the current secret, and opens with either', () => {
    const changed = { secret: next!, previousSecret: secret! };
    const before = sealKeys(content, 1, current);
    const after = sealKeys(content, 2, changed);
    expect(openSealedKeys(before, changed)).toEqual(content);
    expect(openSealedKeys(after, changed)).toEqual(content);
    expect(() => openSealedKeys(after, current)).toThrow(unopened);
    expect(() => openSealedKeys(before, { ...changed, previousSecret: null })).toThrow(unopened);
  });

  it('refuses a content of another form', () => {
    for (const text of ['{', '[]', '{"keys":{}}', 'null']) {
      const sealed = encryptText(text, sealingKey, 'token_keys 1');
      expect(() => openSealedKeys({ revision: 1, sealed }, current)).toThrow(
        new StartError(
          'The keys in the database are not in a form that this version knows; use the version that stored them, or restore a backup of the database.',
        ),
      );
    }
  });
});
