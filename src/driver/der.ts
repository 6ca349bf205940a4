import { SecurityError } from '../base/errors.ts';

/** One element of a DER encoding. */
export interface DerElement {
  readonly tag: number;
  readonly content: Uint8Array;
}

/** Tags of X.690 that a certificate's head needs. */
export const DER = { integer: 0x02, bitString: 0x03, bmpString: 0x1e, universalString: 0x1c, explicitVersion: 0xa0 } as const;

/** The elements one after another in some bytes. Throws `SecurityError` where they are no DER. */
export function derElements(bytes: Uint8Array): DerElement[] {
  const elements: DerElement[] = [];
  for (let at = 0; at < bytes.length;) {
    const tag = bytes[at] ?? 0;
    const [length, from] = derLength(bytes, at + 1);
    if ((tag & 0x1f) === 0x1f || from + length > bytes.length) throw new SecurityError('Invalid certificate: it is cut short');
    elements.push({ tag, content: bytes.subarray(from, from + length) });
    at = from + length;
  }
  return elements;
}

function derLength(bytes: Uint8Array, at: number): readonly [length: number, from: number] {
  const first = bytes[at] ?? 0;
  if (first < 0x80) return [first, at + 1];
  let length = 0;
  for (let index = 1; index <= (first & 0x7f); index += 1) length = length * 256 + (bytes[at + index] ?? 0);
  return [length, at + 1 + (first & 0x7f)];
}

/** A signed integer of any size. */
export function derInteger(content: Uint8Array): bigint {
  const hex = Buffer.from(content).toString('hex');
  return hex === '' ? 0n : BigInt.asIntN(content.length * 8, BigInt(`0x${hex}`));
}
