import { base64Decode, base64Encode, tryUtf8, utf8Encode } from '../../base/bytes.ts';
import { DecodeError } from '../../base/errors.ts';

/** The five fields of a signed body. The signature covers `body` and nothing else. */
export interface SignedParts {
  /** Issuer and serial number of the signer's certificate, as `Certificate.get_id` spells them. */
  readonly signer: string;
  readonly signature: Uint8Array;
  readonly contentType: string;
  readonly contentEncoding: string;
  readonly body: Uint8Array;
}

const SEPARATOR = new Uint8Array([0, 1]);
const ALPHABET = 'ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/';
const SPACE = 0x20;

/** A signed body in the layout of Celery 5.5 and later. `celery/security/serialization.py SecureSerializer._pack`. */
export function packSigned(parts: SignedParts): Uint8Array {
  const fields = [
    utf8Encode(base64Encode(utf8Encode(parts.signer))),
    utf8Encode(base64Encode(parts.signature)),
    utf8Encode(parts.contentType),
    utf8Encode(parts.contentEncoding),
    parts.body,
  ];
  return utf8Encode(base64Encode(joinFields(fields)));
}

/**
 * The fields of a signed body in either layout: that of Celery 5.5, and that of 5.2 to 5.4, where signer and signature are
 * raw and `signatureLength` (bytes, by signer) tells where the signature ends. Throws `DecodeError`, and what
 * `signatureLength` throws. `celery/security/serialization.py SecureSerializer._unpack`.
 */
export function unpackSigned(bytes: Uint8Array, signatureLength: (signer: string) => number): SignedParts {
  const raw = canonicalBase64(bytes, 'a signed body');
  const first = separatorAt(raw, 0);
  if (first < 0) throw new DecodeError('', 'a signed body has five fields, not one');
  const head = raw.subarray(0, first);
  const rest = raw.subarray(first + SEPARATOR.length);
  // A signer's id has a blank before its serial number, and base64 has none.
  return head.includes(SPACE) ? unpackOld(head, rest, signatureLength) : unpackNew(head, rest);
}

function unpackNew(head: Uint8Array, rest: Uint8Array): SignedParts {
  const [signature, contentType, contentEncoding, body] = splitFields(rest, 4);
  return {
    signer: text(canonicalBase64(head, 'the signer'), 'the signer'),
    signature: canonicalBase64(signature, 'the signature'),
    contentType: text(contentType, 'the content type'),
    contentEncoding: text(contentEncoding, 'the content encoding'),
    body: body ?? missing(),
  };
}

function unpackOld(head: Uint8Array, rest: Uint8Array, signatureLength: (signer: string) => number): SignedParts {
  const signer = text(head, 'the signer');
  const length = signatureLength(signer);
  if (separatorAt(rest.subarray(length), 0) !== 0) throw new DecodeError('', `the signature is not of ${length} bytes`);
  const [contentType, contentEncoding, body] = splitFields(rest.subarray(length + SEPARATOR.length), 3);
  return {
    signer,
    signature: rest.subarray(0, length),
    contentType: text(contentType, 'the content type'),
    contentEncoding: text(contentEncoding, 'the content encoding'),
    body: body ?? missing(),
  };
}

/** At most `most` fields: the last keeps whatever separators it holds. */
function splitFields(bytes: Uint8Array, most: number): Uint8Array[] {
  const fields: Uint8Array[] = [];
  let from = 0;
  while (fields.length < most - 1) {
    const at = separatorAt(bytes, from);
    if (at < 0) missing();
    fields.push(bytes.subarray(from, at));
    from = at + SEPARATOR.length;
  }
  return [...fields, bytes.subarray(from)];
}

function missing(): never {
  throw new DecodeError('', 'a signed body has five fields: some are missing');
}

function separatorAt(bytes: Uint8Array, from: number): number {
  for (let at = bytes.indexOf(0, from); at >= 0; at = bytes.indexOf(0, at + 1)) if (bytes[at + 1] === 1) return at;
  return -1;
}

function joinFields(fields: readonly Uint8Array[]): Uint8Array {
  const length = fields.reduce((sum, field) => sum + field.length, (fields.length - 1) * SEPARATOR.length);
  const joined = new Uint8Array(length);
  let at = 0;
  for (const field of fields) {
    if (at > 0) {
      joined.set(SEPARATOR, at);
      at += SEPARATOR.length;
    }
    joined.set(field, at);
    at += field.length;
  }
  return joined;
}

/** One text for one value: bits that no byte needs must be zero, so that nothing in a signed body can be changed unseen. */
function canonicalBase64(bytes: Uint8Array | undefined, what: string): Uint8Array {
  const encoded = text(bytes, what);
  const padding = encoded.endsWith('==') ? 2 : encoded.endsWith('=') ? 1 : 0;
  const spare = ALPHABET.indexOf(encoded.charAt(encoded.length - 1 - padding)) & (padding === 2 ? 15 : padding === 1 ? 3 : 0);
  if (spare !== 0) throw new DecodeError('', `${what} is not canonical base64`);
  return base64Decode(encoded);
}

function text(bytes: Uint8Array | undefined, what: string): string {
  const decoded = bytes === undefined ? undefined : tryUtf8(bytes);
  if (decoded === undefined) throw new DecodeError('', `${what} is not text`);
  return decoded;
}
