/** The whole corpus, by the channel that a case comes through. */

import { BODIES } from './bodies.ts';
import type { Cases, Expected } from './case.ts';
import { ENCODINGS } from './encodings.ts';
import { FILES } from './files.ts';
import { HEADERS } from './headers.ts';
import { MSGPACK } from './msgpack.ts';
import { NAMES } from './names.ts';
import { SIGNED } from './signed.ts';
import { TABLES } from './tables.ts';

/** Messages for an AMQP worker that accepts JSON. */
export const JSON_CASES: Cases = { ...HEADERS, ...TABLES, ...ENCODINGS, ...BODIES, ...NAMES };

/** What a worker meets, by channel. */
export const CHANNELS: Readonly<Record<string, Cases<Expected>>> = {
  'AMQP, JSON': JSON_CASES,
  'AMQP, msgpack': MSGPACK,
  'AMQP, signed': SIGNED,
  'Files of the filesystem broker': FILES,
};
