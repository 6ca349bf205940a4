import { formatUtc } from '../base/iso8601.ts';
import { DateTime } from '../base/values.ts';
import { emptyEmbed } from '../protocol/signature.ts';
import type { SignatureWire } from '../protocol/signature.ts';
import type { Embed, TaskRequest } from '../protocol/task.ts';
import type { SendOptions } from './options.ts';

/** One call of a task, and what its request takes from the surroundings. */
export interface Call {
  readonly name: string;
  readonly args: readonly unknown[];
  readonly kwargs: Readonly<Record<string, unknown>>;
  readonly options: SendOptions;
  readonly chain: readonly SignatureWire[];
  readonly id: string;
  /** When it was sent, for times that count from then. */
  readonly nowMs: number;
  readonly origin: string;
  /** The request of the task that sends it. */
  readonly parent: TaskRequest | undefined;
}

/** The task as it will travel. A countdown of 0 is none, and a countdown wins over an eta, as in `celery/app/amqp.py as_task_v2`. */
export function buildRequest({ name, args, kwargs, options, chain, id, nowMs, origin, parent }: Call): TaskRequest {
  const { countdown, expires, stamps } = options;
  const hasCountdown = countdown !== undefined && countdown !== 0;
  const eta = hasCountdown ? nowMs + countdown * 1000 : options.eta?.getTime();
  const expiresMs = typeof expires === 'number' ? nowMs + expires * 1000 : expires?.getTime();
  return {
    id,
    task: name,
    args,
    kwargs,
    embed: embedOf(options, chain),
    lang: undefined,
    shadow: options.shadow,
    eta,
    expires: expiresMs,
    etaText: dateText(hasCountdown ? undefined : options.eta, eta),
    expiresText: dateText(expires, expiresMs),
    group: options.groupId,
    groupIndex: options.groupIndex,
    retries: 0,
    timeLimit: options.timeLimit ?? undefined,
    softTimeLimit: options.softTimeLimit ?? undefined,
    rootId: options.rootId ?? parent?.rootId ?? parent?.id ?? id,
    parentId: options.parentId ?? parent?.id,
    argsrepr: undefined,
    kwargsrepr: undefined,
    origin,
    ignoreResult: options.ignoreResult,
    replacedTaskNesting: 0,
    stampedHeaders: stamps === undefined ? undefined : Object.keys(stamps),
    stamps: stamps ?? {},
    headers: options.headers ?? {},
  };
}

function embedOf({ link, linkError }: SendOptions, chain: readonly SignatureWire[]): Embed {
  if (link === undefined && linkError === undefined && chain.length === 0) return emptyEmbed;
  return { ...emptyEmbed, callbacks: list(link), errbacks: list(linkError), chain: chain.length === 0 ? null : chain };
}

function list(signatures: SendOptions['link']): readonly SignatureWire[] | null {
  if (signatures === undefined) return null;
  return Array.isArray(signatures) ? (signatures as readonly SignatureWire[]) : [signatures as SignatureWire];
}

function dateText(given: unknown, epochMs: number | undefined): string | undefined {
  if (epochMs === undefined) return undefined;
  return given instanceof DateTime ? given.isoformat() : formatUtc(epochMs);
}
