import type { LogLevel } from '../../base/logger.ts';
import type { TraceHeaders } from '../../base/tracing.ts';
import type { Message } from '../../message/message.ts';
import type { ExceptionWire, ResultTuple } from '../../protocol/result.ts';
import type { DeliveryInfo } from '../../transport/transport.ts';

/** What a child needs to become one: the app is imported anew, and configured as its parent's was. */
export interface Boot {
  /** URL of the module that exports the app. */
  readonly module: string;
  /** The export's name; `app`, `celery` and `default` are tried when it is absent. */
  readonly exportName: string | undefined;
  /** URLs of modules that are imported besides. */
  readonly include: readonly string[];
  readonly overrides: Readonly<Record<string, unknown>>;
  readonly hostname: string;
  /** Lines below it are not sent. */
  readonly logLevel: LogLevel;
  /** Resident bytes come back with each ending. */
  readonly reportMemory: boolean;
}

/** A message as it came from the broker: its body crosses as bytes, and only the child reads it. */
export interface JobWire {
  readonly job: number;
  readonly message: Message;
  readonly info: DeliveryInfo;
  readonly queue: string;
}

/** From a pool to its child. */
export type ToChild =
  | ({ readonly type: 'boot' } & Boot)
  | ({ readonly type: 'run' } & JobWire)
  /** Aborts a task's signal: its soft time limit of `seconds`. */
  | { readonly type: 'soft'; readonly job: number; readonly seconds: number }
  | { readonly type: 'stop' };

/** From a child to its pool. */
export type FromChild =
  /** The app is loaded and `worker_process_init` is done. */
  | { readonly type: 'ready' }
  /** The app could not be loaded: the child ends. */
  | { readonly type: 'failed'; readonly reason: string }
  | {
      readonly type: 'ended';
      readonly job: number;
      readonly ending: EndingWire;
      readonly children: readonly ResultTuple[];
      readonly rss: number;
      /** Of its span. */
      readonly trace: TraceHeaders | undefined;
    }
  | {
      readonly type: 'log';
      readonly level: LogLevel;
      readonly text: string;
      readonly fields: Readonly<Record<string, unknown>> | undefined;
    };

const TYPES: ReadonlySet<unknown> = new Set<FromChild['type']>(['ready', 'failed', 'ended', 'log']);
const LEVELS: ReadonlySet<unknown> = new Set<LogLevel>(['debug', 'info', 'warning', 'error', 'critical']);

/** Whether a child's pool sent this: code of a task has `process.send` and `parentPort` too. */
export function isFromChild(message: unknown): message is FromChild {
  if (typeof message !== 'object' || message === null || !('type' in message) || !TYPES.has(message.type)) return false;
  return message.type !== 'log' || ('level' in message && LEVELS.has(message.level));
}

/** A value that crosses as it is, or in JSON with kombu's types, which structured clones would lose. */
export type Packed = { readonly plain: string | number | boolean | null } | { readonly json: Uint8Array };

/** An `Ending` as it crosses. */
export type EndingWire =
  | { readonly kind: 'success'; readonly value: Packed; readonly printed: string | undefined }
  | { readonly kind: 'failure'; readonly exception: PackedException; readonly traceback: string | undefined }
  | { readonly kind: 'retry'; readonly exception: PackedException | undefined; readonly traceback: string; readonly message: string }
  | { readonly kind: 'ignore' }
  | {
      readonly kind: 'reject';
      readonly requeue: boolean;
      readonly exception: PackedException;
      readonly traceback: string;
      readonly message: string;
    };

/** An exception with its arguments packed. */
export type PackedException = Omit<ExceptionWire, 'exc_message'> & { readonly args: Packed };
