import { SecurityError } from '../../base/errors.ts';
import type { Serializer } from '../serializer.ts';
import { packSigned, unpackSigned } from './auth-layout.ts';

/** Who signs: a private key and the certificate that peers know it by. */
export interface Signer {
  readonly id: string;
  /** RSA-PSS over `body`, salt as long as the key allows. Throws `SecurityError`. */
  sign(body: Uint8Array): Uint8Array;
}

/** Whose signatures hold: the certificates of a store. */
export interface Verifier {
  /** Bytes of a signature by this signer. Throws `SecurityError` for a signer that the store does not know. */
  signatureLength(signer: string): number;
  /** Throws `SecurityError` for an unknown signer, a certificate that is not valid now, and a signature that does not hold. */
  verify(signer: string, body: Uint8Array, signature: Uint8Array): void;
}

/** What the `auth` serializer is made from. */
export interface AuthOptions {
  readonly signer: Signer;
  readonly verifier: Verifier;
  /** What writes the body that is signed. */
  readonly inner: Serializer;
  /** What reads the body of a verified message: `undefined` for a content type that is not accepted inside a signed body. */
  readonly reader: (contentType: string) => Serializer | undefined;
}

/** Its content type on the wire, the one kombu gives to plain bytes as well. */
export const AUTH_CONTENT_TYPE = 'application/data';

/**
 * Signed bodies as Celery 5.5 writes them and as 5.2 and later write them to be read. `decode` throws `SecurityError` where
 * the signature does not hold and `DecodeError` where the bytes are no signed body. Unlike Celery, which decodes whatever
 * type a signed body names, pickle included, the inner type must be accepted: the signature does not cover its name.
 * `celery/security/serialization.py SecureSerializer`.
 */
export function authSerializer({ signer, verifier, inner, reader }: AuthOptions): Serializer {
  return {
    name: 'auth',
    contentType: AUTH_CONTENT_TYPE,
    contentEncoding: 'utf-8',
    encode: (value) => {
      const body = inner.encode(value);
      const { contentType, contentEncoding } = inner;
      return packSigned({ signer: signer.id, signature: signer.sign(body), contentType, contentEncoding, body });
    },
    decode: (bytes) => {
      const { signer: id, signature, contentType, contentEncoding, body } = unpackSigned(bytes, (name) => verifier.signatureLength(name));
      const serializer = reader(contentType);
      if (serializer === undefined) throw new SecurityError(`a signed body of type ${contentType.slice(0, 100)} is not accepted`);
      if (contentEncoding !== serializer.contentEncoding)
        throw new SecurityError(`a signed body of type ${contentType} is not encoded as ${contentEncoding.slice(0, 100)}`);
      verifier.verify(id, body, signature);
      return serializer.decode(body);
    },
  };
}
