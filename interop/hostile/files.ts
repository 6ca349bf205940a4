import type { Cases, Expected } from './case.ts';
import { OK_BODY } from './case.ts';

/** A file in the folder of the filesystem broker, named as a message of the queue. */
export interface FileCase extends Expected {
  /** Its bytes; `"ID"` stands for the task's id. */
  readonly contents?: string | Buffer;
  /** What there is in the place of a file. */
  readonly instead?: 'folder' | 'link' | 'pipe';
}

const BODY = Buffer.from(OK_BODY).toString('base64');
const INFO = { exchange: '', routing_key: 'q' };

/** kombu's envelope with some of its fields changed; `undefined` leaves one out. */
function envelope(fields: Readonly<Record<string, unknown>> = {}, properties: Readonly<Record<string, unknown>> | null = {}): string {
  return JSON.stringify({
    body: BODY,
    'content-encoding': 'utf-8',
    'content-type': 'application/json',
    headers: { task: 'h.ok', id: 'ID' },
    properties: properties && { body_encoding: 'base64', delivery_tag: 'tag', delivery_info: INFO, ...properties },
    ...fields,
  });
}

const unread = (contents: string | Buffer): FileCase => ({ contents, ours: 'aside', python: 'crash' });

/** Files and envelopes of the filesystem broker: the rows F. Redis knows the same envelopes as R. */
export const FILES: Cases<FileCase> = {
  'F01 garbage': unread('not json'),
  'F02 empty': unread(''),
  'F03 null': unread('null'),
  'F04 half-written': unread(envelope().slice(0, 100)),
  'F05 folder instead of a file': { instead: 'folder', ours: 'aside', python: 'crash' },
  'F06 bad UTF-8': unread(Buffer.from([0xff, 0xfe, 0x7b, 0x7d])),
  'F07 link to another file': { instead: 'link', ours: 'aside', python: 'crash' },
  'F08 pipe instead of a file': { instead: 'pipe', ours: 'aside', python: 'hung' },
  'F09 envelope is a list': unread('[]'),
  'F10 no properties': unread(envelope({ properties: undefined })),
  'F11 properties null': unread(envelope({}, null)),
  'F12 no delivery tag': unread(envelope({}, { delivery_tag: undefined })),
  'F13 no delivery_info': { ...unread(envelope({}, { delivery_info: undefined })), python: 'ran' },
  'F14 delivery_info without exchange': { ...unread(envelope({}, { delivery_info: { routing_key: 'q' } })), python: 'ran' },
  'F15 no body': unread(envelope({ body: undefined })),
  'F16 body null': unread(envelope({ body: null })),
  'F17 body is not base64': unread(envelope({ body: '***' })),
  'F18 body is a list': unread(envelope({ body: [1] })),
  'F19 base64 without its padding': unread(envelope({ body: BODY.slice(0, -1) })),
  'F20 unknown body_encoding': unread(envelope({}, { body_encoding: 'rot13' })),
  'F21 headers are a list': unread(envelope({ headers: [1] })),
  'F22 50 000 levels of nesting': unread(`${'['.repeat(50_000)}${']'.repeat(50_000)}`),
  'F23 delivery tag is an object': unread(envelope({}, { delivery_tag: {} })),
  'F24 no content type': { contents: envelope({ 'content-type': undefined }), ours: 'refused', python: 'crash' },
  'F25 no headers': { contents: envelope({ headers: undefined }), ours: 'rejected', python: 'rejected' },
  'F26 __proto__ in envelope, properties and headers': {
    contents: envelope().replaceAll('{"', '{"__proto__":{"polluted":1},"'),
    ours: 'ran',
    python: 'ran',
  },
  'F27 id ../../x': { contents: envelope().replace('"ID"', '"../../x"'), ours: 'ran', python: 'ran' },
};
