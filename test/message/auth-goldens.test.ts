import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { utf8Encode } from '../../src/base/bytes.ts';
import { SecurityError } from '../../src/base/errors.ts';
import { digestByName } from '../../src/driver/digest.ts';
import { Certificate } from '../../src/driver/x509.ts';
import type { Serializer } from '../../src/message/serializer.ts';
import { authSerializer } from '../../src/message/serializers/auth.ts';
import { jsonSerializer } from '../../src/message/serializers/json.ts';

/** What `interop/capture_signed.py` took from one release. */
type Captured = Readonly<
  Record<
    string,
    {
      readonly certificate: string;
      readonly id: string;
      readonly digest: string;
      readonly bodies: Readonly<Record<string, { readonly serializer: string; readonly value: string; readonly signed: string }>>;
    }
  >
>;

const folder = join(import.meta.dirname, '../../interop/signed');
const releases = readdirSync(folder).map((file) => file.replace(/\.json$/, ''));

/** Reads no value: the bytes of a verified body. */
const bytesOf: Serializer = {
  name: 'msgpack',
  contentType: 'application/x-msgpack',
  contentEncoding: 'binary',
  encode: () => expect.unreachable('nothing is written here'),
  decode: (bytes) => bytes,
};

test('both layouts are captured', () => {
  expect(releases.toSorted()).toEqual(['5.3.6', '5.4.0', '5.5.3', '5.6.3', '5.7.0']);
});

describe.each(releases)('Celery %s', (release) => {
  const captured = JSON.parse(readFileSync(join(folder, `${release}.json`), 'utf8')) as Captured;

  describe.each(Object.entries(captured))('%s', (_means, { certificate: pem, id, digest: digestName, bodies }) => {
    const certificate = new Certificate(pem);
    const digest = digestByName(digestName) ?? expect.unreachable();
    const reader = (type: string): Serializer => (type === 'application/json' ? jsonSerializer : bytesOf);
    const auth = authSerializer({
      signer: { id, sign: () => expect.unreachable('nothing is signed here') },
      verifier: {
        signatureLength: (signer) => (signer === id ? certificate.signatureLength : expect.unreachable(signer)),
        verify: (signer, body, signature) => {
          expect(signer).toBe(id);
          certificate.verify(body, signature, digest);
        },
      },
      inner: jsonSerializer,
      reader,
    });

    test('has the id that Celery gives it', () => {
      expect(certificate.id).toBe(id);
    });

    test.each(Object.entries(bodies))('is verified in %s', (_case, { serializer, value, signed }) => {
      const read = auth.decode(utf8Encode(signed));

      if (serializer === 'json') expect(read).toEqual(JSON.parse(value));
      else expect(Buffer.from(read as Uint8Array).includes('\0\x01')).toBe(true);
    });

    test('is refused for another body', () => {
      const fields = Buffer.from(bodies['empty']?.signed ?? '', 'base64').toString('latin1');
      const changed = Buffer.from(fields.replace('[[],', '[[1],'), 'latin1').toString('base64');

      expect(() => auth.decode(utf8Encode(changed))).toThrow(SecurityError);
    });
  });
});
