import { nearest } from '../base/nearest.ts';
import { decodeSignature } from '../protocol/signature.ts';
import type { SignatureWire } from '../protocol/signature.ts';
import type { RetryPolicy } from './settings.ts';

/** Options of `sendTask`: Celery's of `apply_async`, in camelCase; times in seconds. */
export interface SendOptions {
  readonly kwargs?: Readonly<Record<string, unknown>>;
  readonly taskId?: string;
  /** Seconds from now. */
  readonly countdown?: number;
  readonly eta?: Date;
  /** Seconds from now, or a moment; `null` sets aside what the task says. A moment in the past travels as it is. */
  readonly expires?: number | Date | null;
  readonly queue?: string;
  readonly exchange?: string;
  /** What `exchange` is, when it is not the queue's own. */
  readonly exchangeType?: string;
  readonly routingKey?: string;
  /** RabbitMQ runs high numbers first. */
  readonly priority?: number;
  readonly headers?: Readonly<Record<string, unknown>>;
  readonly serializer?: string;
  /** `gzip` (a zlib stream, as Celery's). */
  readonly compression?: string;
  readonly deliveryMode?: 1 | 2;
  readonly retry?: boolean;
  readonly retryPolicy?: Partial<RetryPolicy>;
  /** Seconds; `null` sets aside what the task says. */
  readonly timeLimit?: number | null;
  readonly softTimeLimit?: number | null;
  readonly ignoreResult?: boolean;
  readonly replyTo?: string;
  readonly shadow?: string;
  readonly link?: SignatureWire | readonly SignatureWire[];
  readonly linkError?: SignatureWire | readonly SignatureWire[];
  readonly rootId?: string;
  readonly parentId?: string;
  readonly groupId?: string;
  readonly groupIndex?: number;
  readonly stamps?: Readonly<Record<string, unknown>>;
  /** `false` keeps the task out of the `children` of the task that sends it. */
  readonly addToParent?: boolean;
}

type Check = (value: unknown) => boolean;

const text: Check = (value) => typeof value === 'string';
const name: Check = (value) => typeof value === 'string' && value !== '';
const seconds: Check = (value) => Number.isFinite(value);
const secondsOrNull: Check = (value) => value === null || Number.isFinite(value);
const bool: Check = (value) => typeof value === 'boolean';
const record: Check = (value) => typeof value === 'object' && value !== null && !Array.isArray(value);
const moment: Check = (value) => value instanceof Date && !Number.isNaN(value.getTime());
const signatures: Check = (value) => (Array.isArray(value) ? value : [value]).every(isSignature);

const CHECKS: Readonly<Record<keyof SendOptions, readonly [Check, string]>> = {
  kwargs: [record, 'an object'],
  taskId: [name, 'text'],
  countdown: [seconds, 'a finite number'],
  eta: [moment, 'a valid Date'],
  expires: [(value) => secondsOrNull(value) || moment(value), 'seconds, a valid Date or null'],
  queue: [name, 'a name'],
  exchange: [text, 'a name'],
  exchangeType: [name, 'a name'],
  routingKey: [text, 'text'],
  priority: [(value) => Number.isInteger(value) && Number(value) >= 0 && Number(value) <= 255, 'a whole number from 0 to 255'],
  headers: [record, 'an object'],
  serializer: [name, 'a name'],
  compression: [name, 'a name'],
  deliveryMode: [(value) => value === 1 || value === 2, '1 or 2'],
  retry: [bool, 'true or false'],
  retryPolicy: [record, 'an object'],
  timeLimit: [secondsOrNull, 'a finite number or null'],
  softTimeLimit: [secondsOrNull, 'a finite number or null'],
  ignoreResult: [bool, 'true or false'],
  replyTo: [text, 'text'],
  shadow: [text, 'text'],
  link: [signatures, 'a signature or an array of them'],
  linkError: [signatures, 'a signature or an array of them'],
  rootId: [text, 'text'],
  parentId: [text, 'text'],
  groupId: [text, 'text'],
  groupIndex: [Number.isInteger, 'a whole number'],
  stamps: [record, 'an object'],
  addToParent: [bool, 'true or false'],
};

/** Throws `TypeError` naming an option that does not exist, or one of the wrong kind. */
export function checkSendOptions(options: SendOptions, where = 'sendTask'): void {
  for (const key in options) {
    if (!Object.hasOwn(CHECKS, key)) {
      const near = nearest(key, Object.keys(CHECKS));
      throw new TypeError(`${where} has no option ${key}${near === undefined ? '' : `; did you mean ${near}?`}`);
    }
    const option = key as keyof SendOptions;
    const value = options[option];
    const [check, expected] = CHECKS[option];
    if (value !== undefined && !check(value)) throw new TypeError(`${where}: ${key} must be ${expected}`);
  }
}

function isSignature(value: unknown): boolean {
  try {
    decodeSignature(value, 'signature');
    return true;
  } catch {
    return false;
  }
}
