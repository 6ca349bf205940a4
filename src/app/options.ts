import { nearest } from '../base/nearest.ts';
import type { SignatureWire } from '../protocol/signature.ts';
import type { RetryPolicy } from './settings.ts';

/** Options of `sendTask`: Celery's of `apply_async`, in camelCase; times in seconds. */
export interface SendOptions {
  readonly kwargs?: Readonly<Record<string, unknown>>;
  readonly taskId?: string;
  /** Seconds from now. */
  readonly countdown?: number;
  readonly eta?: Date;
  /** Seconds from now, or a moment. */
  readonly expires?: number | Date;
  readonly queue?: string;
  readonly exchange?: string;
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
  readonly timeLimit?: number;
  readonly softTimeLimit?: number;
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
}

const NAMES: ReadonlySet<string> = new Set<keyof SendOptions>([
  'kwargs',
  'taskId',
  'countdown',
  'eta',
  'expires',
  'queue',
  'exchange',
  'routingKey',
  'priority',
  'headers',
  'serializer',
  'compression',
  'deliveryMode',
  'retry',
  'retryPolicy',
  'timeLimit',
  'softTimeLimit',
  'ignoreResult',
  'replyTo',
  'shadow',
  'link',
  'linkError',
  'rootId',
  'parentId',
  'groupId',
  'groupIndex',
  'stamps',
]);

/** Throws `TypeError` naming an option that does not exist, or one of the wrong kind. */
export function checkSendOptions(options: SendOptions): void {
  for (const name in options) {
    if (NAMES.has(name)) continue;
    const near = nearest(name, NAMES);
    throw new TypeError(`sendTask has no option ${name}${near === undefined ? '' : `; did you mean ${near}?`}`);
  }
  for (const name of ['countdown', 'timeLimit', 'softTimeLimit', 'priority'] as const) {
    const value = options[name];
    if (value !== undefined && !Number.isFinite(value)) throw new TypeError(`sendTask: ${name} must be a finite number`);
  }
  checkMoment('eta', options.eta);
  if (typeof options.expires === 'number' ? !Number.isFinite(options.expires) : !isMoment(options.expires)) {
    throw new TypeError('sendTask: expires must be seconds or a valid Date');
  }
  if (options.taskId !== undefined && (typeof options.taskId !== 'string' || options.taskId === ''))
    throw new TypeError('sendTask: taskId must be text');
}

function checkMoment(name: string, value: unknown): void {
  if (!isMoment(value)) throw new TypeError(`sendTask: ${name} must be a valid Date`);
}

function isMoment(value: unknown): boolean {
  return value === undefined || (value instanceof Date && !Number.isNaN(value.getTime()));
}
