import { constants, createPrivateKey, sign, verify, X509Certificate } from 'node:crypto';
import type { KeyObject } from 'node:crypto';
import { SecurityError } from '../base/errors.ts';
import type { EpochMs } from '../base/host.ts';
import type { Digest } from './digest.ts';
import { DER, derElements, derInteger } from './der.ts';
import type { DerElement } from './der.ts';
import { messageOf } from '../base/message-of.ts';

/** An RSA certificate. `celery/security/certificate.py Certificate`. */
export class Certificate {
  /** The issuer's values in the order of the certificate and the serial number in decimal, joined by blanks. */
  readonly id: string;
  readonly notBefore: EpochMs;
  /** From this moment on it has expired. */
  readonly notAfter: EpochMs;
  /** Bytes of a signature by its key. */
  readonly signatureLength: number;
  readonly #x509: X509Certificate;
  readonly #key: KeyObject;
  readonly #bits: number;

  /** Reads the first certificate of a PEM text. Throws `SecurityError`. */
  constructor(pem: string) {
    this.#x509 = parseCertificate(pem);
    this.#key = this.#x509.publicKey;
    if (!isRsa(this.#key)) throw new SecurityError('Invalid certificate: Non-RSA certificates are not supported.');
    this.#bits = modulusBits(this.#key);
    this.signatureLength = Math.ceil(this.#bits / 8);
    this.id = signerId(this.#x509.raw);
    this.notBefore = Date.parse(this.#x509.validFrom);
    this.notAfter = Date.parse(this.#x509.validTo);
  }

  /** Whether a private key is this certificate's. */
  belongsTo(key: PrivateKey): boolean {
    return key.matches(this.#x509);
  }

  /** Throws `SecurityError` when the signature does not hold, a salt of another length than the longest included. */
  verify(body: Uint8Array, signature: Uint8Array, digest: Digest): void {
    const padding = { key: this.#key, padding: constants.RSA_PKCS1_PSS_PADDING, saltLength: longestSalt(this.#bits, digest) };
    const holds = attempt('Bad signature', () => verify(digest.algorithm, body, padding, signature));
    if (!holds) throw new SecurityError(`Bad signature: not by the key of ${quote(this.id)}`);
  }
}

/** An RSA private key. `celery/security/key.py PrivateKey`. */
export class PrivateKey {
  readonly #key: KeyObject;
  readonly #bits: number;

  /** Reads a PEM text, encrypted or not. Throws `SecurityError`, which names neither key nor password. */
  constructor(pem: string, password?: string | Uint8Array) {
    if (password !== undefined && !/ENCRYPTED/.test(pem))
      throw new SecurityError('Invalid private key: a password was given but the key is not encrypted');
    const passphrase = password === undefined ? undefined : Buffer.from(password);
    this.#key = attempt('Invalid private key', () => createPrivateKey(passphrase === undefined ? { key: pem } : { key: pem, passphrase }));
    if (!isRsa(this.#key)) throw new SecurityError('Invalid private key: Non-RSA keys are not supported.');
    this.#bits = modulusBits(this.#key);
  }

  /** Signs with the longest salt. Throws `SecurityError`. */
  sign(body: Uint8Array, digest: Digest): Uint8Array {
    const padding = { key: this.#key, padding: constants.RSA_PKCS1_PSS_PADDING, saltLength: longestSalt(this.#bits, digest) };
    return attempt('Unable to sign data', () => sign(digest.algorithm, body, padding));
  }

  /** Whether a certificate is this key's. */
  matches(x509: X509Certificate): boolean {
    return x509.checkPrivateKey(this.#key);
  }
}

/** Text from elsewhere in a message, quoted and bounded. */
export function quote(text: string): string {
  return `'${text.length > 200 ? `${text.slice(0, 200)}…` : text}'`;
}

function parseCertificate(pem: string): X509Certificate {
  if (!pem.includes('CERTIFICATE-----')) throw new SecurityError('Invalid certificate: no PEM certificate in it');
  return attempt('Invalid certificate', () => new X509Certificate(pem));
}

/** `node:crypto` names neither keys nor passwords in its errors: their text may be passed on. */
function attempt<T>(what: string, step: () => T): T {
  try {
    return step();
  } catch (error) {
    if (error instanceof SecurityError) throw error;
    throw new SecurityError(`${what}: ${messageOf(error)}`, { cause: error });
  }
}

function isRsa(key: KeyObject): boolean {
  return key.asymmetricKeyType === 'rsa' || key.asymmetricKeyType === 'rsa-pss';
}

function modulusBits(key: KeyObject): number {
  return key.asymmetricKeyDetails?.modulusLength ?? 0;
}

/** RFC 8017 9.1: as long as the encoded message has room. Celery's `PSS.MAX_LENGTH`, which a verifier demands as well. */
function longestSalt(bits: number, digest: Digest): number {
  const salt = Math.ceil((bits - 1) / 8) - digest.bytes - 2;
  if (salt < 0) throw new SecurityError(`a key of ${bits} bits is too short for the digest ${digest.algorithm}`);
  return salt;
}

/** `celery/security/certificate.py get_id`. Node's own text of an issuer escapes and reorders: the bytes are read instead. */
function signerId(certificate: Uint8Array): string {
  const head = attempt('Invalid certificate', () => {
    const [whole] = derElements(certificate);
    const [toBeSigned] = derElements(whole?.content ?? certificate);
    return derElements(toBeSigned?.content ?? certificate);
  });
  const [serial, , issuer] = head[0]?.tag === DER.explicitVersion ? head.slice(1) : head;
  if (serial === undefined || issuer === undefined) throw new SecurityError('Invalid certificate: it has no issuer');
  const attributes = derElements(issuer.content).flatMap((set) => derElements(set.content));
  const values = attributes.map(({ content }) => nameValue(derElements(content)[1]));
  return `${values.join(' ')} ${derInteger(serial.content)}`;
}

/** cryptography's reading of a name's value: UTF-8 but for the two wide kinds of string. */
function nameValue(element: DerElement | undefined): string {
  if (element === undefined || element.tag === DER.bitString) throw new SecurityError('Invalid certificate: an issuer value is not text');
  const { tag, content } = element;
  const decode = (encoding: string, bytes: Uint8Array): string => new TextDecoder(encoding, { fatal: true, ignoreBOM: true }).decode(bytes);
  return attempt('Invalid certificate: an issuer value is not text', () => {
    if (tag === DER.bmpString) return decode('utf-16be', content);
    return tag === DER.universalString ? utf32(content) : decode('utf-8', content);
  });
}

function utf32(bytes: Uint8Array): string {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  let text = '';
  for (let at = 0; at < bytes.length; at += 4) text += String.fromCodePoint(view.getUint32(at));
  return text;
}
