import { describe, expect, it } from '@jest/globals';
import { basicCredentials } from '../../src/bookstore/basic-credentials.js';

const encoded = (text: string | Buffer) => Buffer.from(text).toString('base64');
const read = (text: string | Buffer) => basicCredentials([`Basic ${encoded(text)}`]);

describe('basicCredentials', () => {
  it('reads a name and a password with colons and any other characters', () => {
    expect(read('leia:secret')).toEqual({ name: 'leia', password: 'secret' });
    expect(read('leia:a:b:')).toEqual({ name: 'leia', password: 'a:b:' });
    expect(read('leïa: \n ü')).toEqual({ name: 'leïa', password: ' \n ü' });
    expect(basicCredentials([`bASIC   ${encoded('a:b')}`])).toEqual({ name: 'a', password: 'b' });
  });

  it.each([
    ['no header', []],
    ['another scheme', [`Bearer ${encoded('a:b')}`]],
    ['no space after the scheme', [`Basic${encoded('a:b')}`]],
    ['text before the scheme', [`x Basic ${encoded('a:b')}`]],
    ['text after the credentials', [`Basic ${encoded('a:b')} x`]],
    ['credentials that are not base64', ['Basic a:b']],
    ['the scheme alone', ['Basic ']],
    ['two headers', [`Basic ${encoded('a:b')}`, `Basic ${encoded('a:b')}`]],
    ['a second header that is empty', [`Basic ${encoded('a:b')}`, '']],
  ])('reads no credentials from %s', (_, headers) => {
    expect(basicCredentials(headers)).toBeNull();
  });

  it.each<[string, string | Buffer]>([
    ['no colon', 'leia'],
    ['no name', ':secret'],
    ['no name, and a colon in the password', ':a:b'],
    ['no password', 'leia:'],
    ['bytes that are not UTF-8', Buffer.from([0x61, 0x3a, 0xff])],
    ['a NUL in the name', 'le\0ia:secret'],
    ['a NUL in the password', 'leia:sec\0ret'],
  ])('reads no credentials with %s', (_, text) => {
    expect(read(text)).toBeNull();
  });
});
