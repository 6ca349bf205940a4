import { ImproperlyConfiguredError, SecurityError } from '../base/errors.ts';
import type { Host } from '../base/host.ts';
import { readCertificate, readText } from '../driver/cert-store.ts';
import { digestByName, DIGEST_NAMES } from '../driver/digest.ts';
import type { Digest } from '../driver/digest.ts';
import { PrivateKey, quote } from '../driver/x509.ts';
import type { Certificate } from '../driver/x509.ts';
import type { Signer, Verifier } from '../message/serializers/auth.ts';

/** A digest of `security_digest`. Throws `ImproperlyConfiguredError`. */
export function findDigest(name: string): Digest {
  const digest = digestByName(name);
  if (digest === undefined) throw new ImproperlyConfiguredError(`security_digest must be one of ${DIGEST_NAMES.join(', ')}`);
  return digest;
}

/** Whose messages this app sends. Throws `SecurityError` for files that are no pair of key and certificate. */
export function loadSigner(keyFile: string, password: string | Uint8Array | undefined, certFile: string, digest: Digest): Signer {
  const key = new PrivateKey(readText(keyFile), password);
  const certificate = readCertificate(certFile);
  if (!certificate.belongsTo(key)) throw new SecurityError(`the certificate ${certFile} does not belong to the key ${keyFile}`);
  return { id: certificate.id, sign: (body) => key.sign(body, digest) };
}

/**
 * Whose messages are taken. Expiry is asked for each message, as Celery 5.7 does; the first day of validity only in strict mode.
 * `celery/security/certificate.py CertStore`.
 */
export function verifierOf(store: ReadonlyMap<string, Certificate>, digest: Digest, strict: boolean, host: Host): Verifier {
  const find = (id: string): Certificate => {
    const certificate = store.get(id);
    if (certificate === undefined) throw new SecurityError(`Unknown certificate: ${quote(id)}`);
    return certificate;
  };
  return {
    signatureLength: (id) => find(id).signatureLength,
    verify: (id, body, signature) => {
      const certificate = find(id);
      const now = host.now();
      if (now >= certificate.notAfter) throw new SecurityError(`Expired certificate: ${quote(id)}`);
      if (strict && now < certificate.notBefore) throw new SecurityError(`Certificate not valid yet: ${quote(id)}`);
      certificate.verify(body, signature, digest);
    },
  };
}
