import { constants, createPrivateKey, generateKeyPairSync, sign } from 'node:crypto';
import { inspect } from 'node:util';
import { describe, expect, test } from 'vitest';
import { SecurityError } from '../../src/base/errors.ts';
import { digestByName, DIGEST_NAMES } from '../../src/driver/digest.ts';
import { Certificate, PrivateKey } from '../../src/driver/x509.ts';
import { identity, name, rsaKeys } from '../certificates.ts';

const sha256 = digestByName('sha256') ?? expect.unreachable();
const keys = rsaKeys();
const plain = identity({}, keys);
const body = Buffer.from('[[1, 2], {}, {}]');

describe('certificate', () => {
  test.each([
    ['a plain name', name([6, 'DE'], [10, 'Acme Inc'], [3, 'signer-a']), 7n, 'DE Acme Inc signer-a 7'],
    ['signs and quotes', name([10, 'A, B + "C" = \\D/']), 1n, 'A, B + "C" = \\D/ 1'],
    ['no name at all', [], 255n, ' 255'],
    ['a long serial', name([3, 'x']), 2n ** 159n - 1n, `x ${2n ** 159n - 1n}`],
    [
      'kinds of string',
      [
        [{ type: 6, tag: 0x13, value: 'CZ' }],
        [{ type: 10, tag: 0x0c, value: 'Žluť' }],
        [{ type: 11, tag: 0x1e, value: Buffer.from('漢字', 'utf16le').swap16() }],
        [{ type: 3, tag: 0x1c, value: Buffer.from([0, 1, 0xf4, 0x07]) }],
      ],
      1n,
      'CZ Žluť 漢字 🐇 1',
    ],
    [
      'several values in one set, in the order of their bytes',
      [
        [
          { type: 11, value: 'unit' },
          { type: 3, value: 'cn' },
        ],
      ],
      1n,
      'cn unit 1',
    ],
  ])('its id is spelled as Celery spells it: %s', (_case, issuer, serial, id) => {
    const { cert } = identity({ issuer, serial }, keys);

    expect(new Certificate(cert).id).toBe(id);
  });

  test('one that a CA signed has the name of the CA', () => {
    const fields = { issuer: name([3, 'Our CA']), subject: name([3, 'leaf']), serial: 12n, by: rsaKeys().privateKey };

    expect(new Certificate(identity(fields, keys).cert).id).toBe('Our CA 12');
  });

  test('validity is read to the second', () => {
    const notBefore = new Date('2020-02-29T12:34:56Z');
    const notAfter = new Date('2101-01-01T00:00:00Z');

    expect(new Certificate(identity({ notBefore, notAfter }, keys).cert)).toMatchObject({ notBefore: +notBefore, notAfter: +notAfter });
  });

  test.each([
    ['no PEM', 'nonsense'],
    ['an empty file', ''],
    ['broken PEM', plain.cert.replace(/[A-Za-z]{20}/, '')],
    ['an elliptic curve', identity({}, generateKeyPairSync('ec', { namedCurve: 'P-256' })).cert],
    ['an issuer value that is not text', identity({ issuer: [[{ type: 3, value: new Uint8Array([0xff]) }]] }, keys).cert],
  ])('%s is a SecurityError', (_case, pem) => {
    expect(() => new Certificate(pem)).toThrow(SecurityError);
  });
});

describe('signatures', () => {
  const certificate = new Certificate(plain.cert);
  const key = new PrivateKey(plain.key);

  test.each(DIGEST_NAMES)('hold with the digest %s', (digestName) => {
    const digest = digestByName(digestName.toUpperCase()) ?? expect.unreachable();

    expect(() => certificate.verify(body, key.sign(body, digest), digest)).not.toThrow();
  });

  test.each([0, 32, 190, 221])('with a salt of %i bytes are refused, as by Celery: only the longest holds', (saltLength) => {
    const options = { key: keys.privateKey, padding: constants.RSA_PKCS1_PSS_PADDING };

    expect(() => certificate.verify(body, sign('sha256', body, { ...options, saltLength: 222 }), sha256)).not.toThrow();
    expect(() => certificate.verify(body, sign('sha256', body, { ...options, saltLength }), sha256)).toThrow('Bad signature');
  });

  test('with the padding of PKCS 1 v1.5, by another key, or with another digest are refused', () => {
    const sha512 = digestByName('sha512') ?? expect.unreachable();

    expect(() => certificate.verify(body, sign('sha256', body, keys.privateKey), sha256)).toThrow(SecurityError);
    expect(() => certificate.verify(body, new PrivateKey(identity().key).sign(body, sha256), sha256)).toThrow(SecurityError);
    expect(() => certificate.verify(body, key.sign(body, sha512), sha256)).toThrow(SecurityError);
  });

  test('hold for a key of 1025 bits, whose longest salt has a byte less', () => {
    const odd = identity({}, rsaKeys(1025));

    expect(() => new Certificate(odd.cert).verify(body, new PrivateKey(odd.key).sign(body, sha256), sha256)).not.toThrow();
  });

  test('a key too short for the digest is a SecurityError', () => {
    const short = identity({}, rsaKeys(512));

    expect(() => new PrivateKey(short.key).sign(body, digestByName('sha512') ?? sha256)).toThrow('too short for the digest');
  });
});

describe('private key', () => {
  const passphrase = 'canary-5ecret';
  const encrypted = createPrivateKey(plain.key).export({ type: 'pkcs8', format: 'pem', cipher: 'aes-256-cbc', passphrase }).toString();
  const traditional = createPrivateKey(plain.key).export({ type: 'pkcs1', format: 'pem', cipher: 'aes-256-cbc', passphrase }).toString();

  test.each([encrypted, traditional])('encrypted, it opens with its password, text or bytes', (pem) => {
    const certificate = new Certificate(plain.cert);

    expect(certificate.belongsTo(new PrivateKey(pem, passphrase))).toBe(true);
    expect(certificate.belongsTo(new PrivateKey(pem, Buffer.from(passphrase)))).toBe(true);
    expect(certificate.belongsTo(new PrivateKey(identity().key))).toBe(false);
  });

  test.each([
    ['a wrong password', encrypted, 'canary-wr0ng'],
    ['no password', encrypted, undefined],
    ['a password for a key that has none', plain.key, passphrase],
    ['no key', 'canary-text', undefined],
    ['half a key', plain.key.slice(0, 400), undefined],
    [
      'an elliptic curve',
      generateKeyPairSync('ec', { namedCurve: 'P-256' }).privateKey.export({ type: 'pkcs8', format: 'pem' }).toString(),
      undefined,
    ],
  ])('%s is a SecurityError without the key and the password in it', (_case, pem, password) => {
    let error: unknown;
    try {
      new PrivateKey(pem, password);
    } catch (caught) {
      error = caught;
    }

    expect(error).toBeInstanceOf(SecurityError);
    const seen = `${inspect(error, { depth: 9, showHidden: true })}${(error as Error).stack}`;
    expect(seen).not.toContain('canary');
    for (const line of pem.split('\n').filter((text) => text.length > 20 && !text.startsWith('-'))) expect(seen).not.toContain(line);
  });

  test('inspecting one shows nothing of it', () => {
    expect(inspect(new PrivateKey(plain.key), { depth: 9, showHidden: true })).toBe('PrivateKey {}');
  });
});
