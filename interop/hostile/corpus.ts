/** The whole corpus, by the channel that a case comes through. */

import { BODIES } from './bodies.ts';
import type { Cases } from './case.ts';
import { ENCODINGS } from './encodings.ts';
import { HEADERS } from './headers.ts';
import { NAMES } from './names.ts';
import { TABLES } from './tables.ts';

/** Messages for an AMQP worker that accepts JSON. */
export const JSON_CASES: Cases = { ...HEADERS, ...TABLES, ...ENCODINGS, ...BODIES, ...NAMES };
