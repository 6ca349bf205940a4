import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { utf8Encode } from '../../src/base/bytes.ts';
import { DecodeError, SecurityError } from '../../src/base/errors.ts';
import { digestByName } from '../../src/driver/digest.ts';
import { Certificate, PrivateKey } from '../../src/driver/x509.ts';
import { authSerializer } from '../../src/message/serializers/auth.ts';
import { packSigned, unpackSigned } from '../../src/message/serializers/auth-layout.ts';
import type { SignedParts } from '../../src/message/serializers/auth-layout.ts';
import { jsonSerializer } from '../../src/message/serializers/json.ts';
import { identity, rsaKeys } from '../certificates.ts';
import { serializerConformance } from '../conformance/serializer.ts';

const digest = digestByName('sha256') ?? expect.unreachable();
const { cert, key } = identity({}, rsaKeys(1024));
const certificate = new Certificate(cert);
const privateKey = new PrivateKey(key);
const sign = (body: Uint8Array): Uint8Array => privateKey.sign(body, digest);

const known = (id: string): Certificate => {
  if (id !== certificate.id) throw new SecurityError(`Unknown certificate: ${id}`);
  return certificate;
};
const auth = authSerializer({
  signer: { id: certificate.id, sign },
  verifier: {
    signatureLength: (id) => known(id).signatureLength,
    verify: (id, body, signature) => known(id).verify(body, signature, digest),
  },
  inner: jsonSerializer,
  reader: (type) => (type === 'application/json' ? jsonSerializer : undefined),
});

const body = utf8Encode('[[1, 2], {}, {}]');
const parts = (changes: Partial<SignedParts> = {}): SignedParts => ({
  signer: certificate.id,
  signature: sign(changes.body ?? body),
  contentType: 'application/json',
  contentEncoding: 'utf-8',
  body,
  ...changes,
});

/** The layout of Celery 5.2 to 5.4. */
function packOld({ signer, signature, contentType, contentEncoding, body: inner }: SignedParts): Uint8Array {
  const separator = Buffer.from([0, 1]);
  const fields = [Buffer.from(signer), signature, Buffer.from(contentType), Buffer.from(contentEncoding), inner];
  return utf8Encode(Buffer.concat(fields.flatMap((field, index) => (index === 0 ? [field] : [separator, field]))).toString('base64'));
}

describe('auth', () => {
  serializerConformance(auth);

  test('is the layout of Celery 5.5: five fields in base64, two of them in base64 again', () => {
    const fields = Buffer.from(Buffer.from(auth.encode([1])).toString(), 'base64')
      .toString('latin1')
      .split('\0\x01');

    expect(fields).toHaveLength(5);
    expect(Buffer.from(fields[0] ?? '', 'base64').toString()).toBe('DE Acme Inc signer-a 737894404660');
    expect(fields.slice(2)).toEqual(['application/json', 'utf-8', '[1]']);
  });

  test.each([
    ['5.5', packSigned],
    ['5.2', packOld],
  ])('the layout of Celery %s is read, separators in body and signature included', (_layout, pack) => {
    const withSeparators = utf8Encode('"a\u{0}\u{1}b"').with(2, 0);
    const signature = new Uint8Array(128).fill(0).with(3, 1);

    expect(unpackSigned(pack(parts({ body: withSeparators, signature })), () => 128)).toEqual(parts({ body: withSeparators, signature }));
    expect(auth.decode(pack(parts()))).toEqual([[1, 2], {}, {}]);
  });

  test.each([
    ['an unknown signer', packSigned(parts({ signer: 'DE Other 1' })), 'Unknown certificate: DE Other 1'],
    ['an unknown signer, old layout', packOld(parts({ signer: 'DE Other 1' })), 'Unknown certificate: DE Other 1'],
    ['another body', packSigned(parts({ body: utf8Encode('[[1, 3], {}, {}]'), signature: sign(body) })), 'Bad signature'],
    ['another body, old layout', packOld(parts({ body: utf8Encode('[[1, 3], {}, {}]'), signature: sign(body) })), 'Bad signature'],
    ['no signature', packSigned(parts({ signature: new Uint8Array() })), 'Bad signature'],
    [
      'an inner type that is not accepted',
      packSigned(parts({ contentType: 'application/x-python-serialize' })),
      'x-python-serialize is not',
    ],
    ['a signed body in a signed body', packSigned(parts({ contentType: 'application/data' })), 'application/data is not accepted'],
    ['another encoding', packSigned(parts({ contentEncoding: 'utf-16' })), 'not encoded as utf-16'],
  ])('%s is a SecurityError', (_case, bytes, reason) => {
    expect(() => auth.decode(bytes)).toThrow(SecurityError);
    expect(() => auth.decode(bytes)).toThrow(reason);
  });

  test.each([
    ['nothing', new Uint8Array()],
    ['no base64', utf8Encode('?'.repeat(8))],
    ['two fields', utf8Encode(Buffer.from('QQ==\0\x01QQ==').toString('base64'))],
    ['an old layout cut short', utf8Encode(Buffer.from(`${certificate.id}\0\x01abc`).toString('base64'))],
    ['no UTF-8', new Uint8Array([0xff, 0xfe])],
    ['a line break, which base64 does not need', utf8Encode(`${Buffer.from(auth.encode([1])).toString()}\n`)],
    ['a good signature over no JSON', packSigned(parts({ body: utf8Encode('[[1') }))],
  ])('%s is a DecodeError', (_case, bytes) => {
    expect(() => auth.decode(bytes)).toThrow(DecodeError);
  });

  test('no bit of a signed body can be changed', () => {
    const bytes = auth.encode([[1, 2], {}, {}]);
    for (let at = 0; at < bytes.length; at += 1) {
      for (let bit = 0; bit < 8; bit += 1) {
        const changed = bytes.with(at, (bytes[at] ?? 0) ^ (1 << bit));
        expect(() => auth.decode(changed), `bit ${bit} of byte ${at}`).toThrow(/./);
      }
    }
  });

  test('base64 that says the same in other words is refused: the last character’s spare bits', () => {
    const spelled = ['[1]', '[1]0', '[1]00'].map((inner) => Buffer.from(packSigned(parts({ body: utf8Encode(inner) }))).toString());
    for (const text of spelled.filter((wire) => wire.endsWith('='))) {
      const digits = 'ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/';
      const other = text.replace(/(.)(=+)$/, (_match, last: string, padding: string) => `${digits[digits.indexOf(last) + 1]}${padding}`);

      expect(Buffer.from(other, 'base64')).toEqual(Buffer.from(text, 'base64'));
      expect(() => auth.decode(utf8Encode(other))).toThrow('not canonical base64');
    }
    expect(spelled.filter((wire) => wire.endsWith('='))).toHaveLength(2);
  });

  test('no field can be changed inside the base64, in either layout', () => {
    for (const pack of [packSigned, packOld]) {
      const raw = Buffer.from(Buffer.from(pack(parts())).toString(), 'base64');
      for (let at = 0; at < raw.length; at += 1) {
        for (const mask of [1, 0x20, 0x80]) {
          const changed = Buffer.from(raw);
          changed[at] = (raw[at] ?? 0) ^ mask;
          expect(() => auth.decode(utf8Encode(changed.toString('base64'))), `byte ${at} ^ ${mask}`).toThrow(/./);
        }
      }
      for (let length = 0; length < raw.length; length += 1)
        expect(() => auth.decode(utf8Encode(raw.subarray(0, length).toString('base64')))).toThrow(/./);
    }
  });

  test('any fields give a value, DecodeError or SecurityError', () => {
    const field = fc.oneof(fc.uint8Array(), fc.constantFrom(certificate.id, 'application/json', 'utf-8', '[1]').map(utf8Encode));
    fc.assert(
      fc.property(fc.array(field, { maxLength: 7 }), fc.boolean(), (fields, encoded) => {
        const inner = fields.map((bytes, index) => (encoded && index < 2 ? Buffer.from(Buffer.from(bytes).toString('base64')) : bytes));
        const raw = Buffer.concat(inner.flatMap((bytes, index) => (index === 0 ? [bytes] : [Buffer.from([0, 1]), bytes])));
        try {
          auth.decode(utf8Encode(raw.toString('base64')));
        } catch (error) {
          if (!(error instanceof SecurityError)) expect(error).toBeInstanceOf(DecodeError);
        }
      }),
      { numRuns: 2000 },
    );
  });
});
