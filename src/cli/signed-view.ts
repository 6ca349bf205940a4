import { base64Decode, tryUtf8 } from '../base/bytes.ts';
import { DecodeError, TqError } from '../base/errors.ts';
import type { Message } from '../message/message.ts';
import type { SignatureReport } from './report.ts';

/**
 * What a signed body shows of itself, and whether it could be verified: `value` is what reading it gave, value or error.
 * `verifies`: whether it was read by something that looks at signatures.
 */
export function signatureOf(message: Message, value: unknown, verifies: boolean): SignatureReport | undefined {
  if (message.contentType !== 'application/data') return undefined;
  const shown = fieldsOf(message.body);
  if (shown === undefined) return undefined;
  if (!verifies) return { ...shown, valid: null, why: 'no certificates: -A names an app that has them' };
  return value instanceof TqError ? { ...shown, valid: false, why: value.message } : { ...shown, valid: true };
}

/** base64 of fields with 00 01 between them: signer, signature, content type, content encoding, body. */
function fieldsOf(body: Uint8Array): Pick<SignatureReport, 'signer' | 'layout' | 'content_type'> | undefined {
  const text = tryUtf8(body);
  if (text === undefined) return undefined;
  try {
    const raw = base64Decode(text);
    const fields = latin1(raw).split('\0\u0001');
    const [signer = '', , contentType] = fields;
    if (fields.length < 5 || signer === '') return undefined;
    // Before 5.5 the signer stood there as it is, with a blank before the serial number; base64 has none.
    if (signer.includes(' ')) return { signer, layout: '5.2-5.4' };
    const name = tryUtf8(base64Decode(signer)) ?? '?';
    return { signer: name, layout: '5.5+', ...(contentType === undefined ? undefined : { content_type: contentType.slice(0, 100) }) };
  } catch (error) {
    if (error instanceof DecodeError) return undefined;
    throw error;
  }
}

function latin1(bytes: Uint8Array): string {
  return Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength).toString('latin1');
}
