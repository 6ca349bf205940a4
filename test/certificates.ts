/** Certificates of any shape for tests, made on the spot: no private key is kept. */

import { generateKeyPairSync, sign } from 'node:crypto';
import type { KeyObject } from 'node:crypto';
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

/** One attribute of a name: its object identifier's last number under 2.5.4 (3 CN, 6 C, 10 O, 11 OU), a string's tag and bytes. */
export interface NameAttribute {
  readonly type: number;
  readonly tag?: number;
  readonly value: string | Uint8Array;
}

/** A name: sets of attributes, in order. */
export type Name = readonly (readonly NameAttribute[])[];

/** What a certificate says. */
export interface CertificateFields {
  readonly issuer?: Name;
  readonly subject?: Name;
  readonly serial?: bigint;
  readonly notBefore?: Date;
  readonly notAfter?: Date;
  /** Who signs it; itself when left out. */
  readonly by?: KeyObject;
}

/** A certificate and its key, PEM and objects. */
export interface Identity {
  readonly cert: string;
  readonly key: string;
  readonly privateKey: KeyObject;
}

const DAY = 86_400_000;
const SHA256_WITH_RSA = Buffer.from('300d06092a864886f70d01010b0500', 'hex');

/** A name of one attribute a set. */
export const name = (...values: readonly (readonly [type: number, value: string])[]): Name =>
  values.map(([type, value]) => [{ type, value }]);

/** A fresh RSA key pair. */
export function rsaKeys(bits = 2048): { readonly publicKey: KeyObject; readonly privateKey: KeyObject } {
  return generateKeyPairSync('rsa', { modulusLength: bits });
}

/** A certificate for a key pair, with the key that belongs to it. */
export function identity(
  fields: CertificateFields = {},
  keys: { readonly publicKey: KeyObject; readonly privateKey: KeyObject } = rsaKeys(),
): Identity {
  const issuer = fields.issuer ?? name([6, 'DE'], [10, 'Acme Inc'], [3, 'signer-a']);
  const toBeSigned = sequence(
    tlv(0xa0, integer(2n)),
    integer(fields.serial ?? 737_894_404_660n),
    SHA256_WITH_RSA,
    derName(issuer),
    sequence(time(fields.notBefore ?? new Date(Date.now() - DAY)), time(fields.notAfter ?? new Date(Date.now() + DAY))),
    derName(fields.subject ?? issuer),
    keys.publicKey.export({ type: 'spki', format: 'der' }),
  );
  const signature = sign(
    'sha256',
    toBeSigned,
    fields.by ?? (keys.privateKey.asymmetricKeyType === 'rsa' ? keys.privateKey : rsaKeys().privateKey),
  );
  const der = sequence(toBeSigned, SHA256_WITH_RSA, tlv(0x03, Buffer.from([0]), signature));
  const key = keys.privateKey.export({ type: 'pkcs8', format: 'pem' }).toString();
  return { cert: pem(der), key, privateKey: keys.privateKey };
}

/** Keys and certificates as files, as an operator lays them out. */
export class KeyFolder implements Disposable {
  readonly path: string = mkdtempSync(join(tmpdir(), 'tq-keys-'));
  /** The folder of certificates that readers trust. */
  readonly store: string = join(this.path, 'store');

  constructor() {
    mkdirSync(this.store);
  }

  /** Writes key and certificate; the certificate goes into the store as well unless `stored` is false. */
  add(cn: string, fields: CertificateFields & { readonly stored?: boolean } = {}): Signing {
    const { cert, key } = identity({ issuer: name([6, 'DE'], [10, 'Acme Inc'], [3, cn]), ...fields });
    const files = { security_key: join(this.path, `${cn}.key`), security_certificate: join(this.path, `${cn}.crt`) };
    writeFileSync(files.security_key, key, { mode: 0o600 });
    writeFileSync(files.security_certificate, cert);
    if (fields.stored !== false) writeFileSync(join(this.store, `${cn}.crt`), cert);
    return {
      ...files,
      security_cert_store: this.store,
      task_serializer: 'auth',
      accept_content: ['auth'],
      result_accept_content: ['json'],
    };
  }

  [Symbol.dispose](): void {
    rmSync(this.path, { recursive: true, force: true });
  }
}

/** The settings of somebody who signs. */
export interface Signing {
  readonly security_key: string;
  readonly security_certificate: string;
  readonly security_cert_store: string;
  readonly task_serializer: 'auth';
  readonly accept_content: readonly ['auth'];
  readonly result_accept_content: readonly ['json'];
}

function pem(der: Buffer): string {
  const lines = der.toString('base64').match(/.{1,64}/g) ?? [];
  return ['-----BEGIN CERTIFICATE-----', ...lines, '-----END CERTIFICATE-----', ''].join('\n');
}

function tlv(tag: number, ...contents: readonly Uint8Array[]): Buffer {
  const content = Buffer.concat(contents);
  const size = content.length;
  const length = size < 0x80 ? [size] : size < 0x100 ? [0x81, size] : [0x82, size >> 8, size & 0xff];
  return Buffer.concat([Buffer.from([tag, ...length]), content]);
}

function sequence(...contents: readonly Uint8Array[]): Buffer {
  return tlv(0x30, ...contents);
}

function integer(value: bigint): Buffer {
  const hex = value.toString(16);
  const bytes = Buffer.from(hex.length % 2 === 0 ? hex : `0${hex}`, 'hex');
  return tlv(0x02, (bytes[0] ?? 0) >= 0x80 ? Buffer.concat([Buffer.from([0]), bytes]) : bytes);
}

function derName(sets: Name): Buffer {
  const attribute = ({ type, tag, value }: NameAttribute): Buffer =>
    sequence(tlv(0x06, Buffer.from([0x55, 0x04, type])), tlv(tag ?? 0x0c, typeof value === 'string' ? Buffer.from(value) : value));
  // DER keeps the members of a set in the order of their bytes.
  return sequence(...sets.map((set) => tlv(0x31, ...set.map(attribute).toSorted((a, b) => Buffer.compare(a, b)))));
}

/** Two digits of the year before 2050, four after, as X.509 has it. */
function time(date: Date): Buffer {
  const text = date.toISOString().replace(/[-:T]|\.\d+/g, '');
  return date.getUTCFullYear() < 2050 ? tlv(0x17, Buffer.from(text.slice(2))) : tlv(0x18, Buffer.from(text));
}
