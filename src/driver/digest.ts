import { createHash } from 'node:crypto';

/** A hash function by the name that Celery's `security_digest` gives it. */
export interface Digest {
  /** The name that `node:crypto` gives it. */
  readonly algorithm: string;
  readonly bytes: number;
}

const DIGESTS: Readonly<Record<string, Digest>> = {
  md5: { algorithm: 'md5', bytes: 16 },
  sha1: { algorithm: 'sha1', bytes: 20 },
  sha224: { algorithm: 'sha224', bytes: 28 },
  sha256: { algorithm: 'sha256', bytes: 32 },
  sha384: { algorithm: 'sha384', bytes: 48 },
  sha512: { algorithm: 'sha512', bytes: 64 },
  sha512_224: { algorithm: 'sha512-224', bytes: 28 },
  sha512_256: { algorithm: 'sha512-256', bytes: 32 },
  sha3_224: { algorithm: 'sha3-224', bytes: 28 },
  sha3_256: { algorithm: 'sha3-256', bytes: 32 },
  sha3_384: { algorithm: 'sha3-384', bytes: 48 },
  sha3_512: { algorithm: 'sha3-512', bytes: 64 },
};

/** The names of `security_digest`; upper and lower case are the same, as in Celery. */
export const DIGEST_NAMES: readonly string[] = Object.keys(DIGESTS);

/** A digest by name, or `undefined`. `celery/security/utils.py get_digest_algorithm`. */
export function digestByName(name: string): Digest | undefined {
  return Object.hasOwn(DIGESTS, name.toLowerCase()) ? DIGESTS[name.toLowerCase()] : undefined;
}

/** SHA-256 in hexadecimal. */
export function sha256Hex(bytes: Uint8Array): string {
  return createHash('sha256').update(bytes).digest('hex');
}
