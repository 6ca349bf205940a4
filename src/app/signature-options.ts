import { DecodeError, NotRegisteredError } from '../base/errors.ts';
import { parseIso8601 } from '../base/iso8601.ts';
import { decodeSignature, isComposite } from '../protocol/signature.ts';
import type { SignatureWire } from '../protocol/signature.ts';
import type { SendOptions } from './options.ts';

type Read = (value: unknown, path: string) => Partial<SendOptions> & { readonly chain?: readonly SignatureWire[] };

const text =
  (name: keyof SendOptions): Read =>
  (value, path) =>
    typeof value === 'string' ? { [name]: value } : wrong(path, 'text');
const number =
  (name: keyof SendOptions): Read =>
  (value, path) =>
    typeof value === 'number' ? { [name]: value } : wrong(path, 'a number');

/** The options a dispatcher must honour, and what they are called here. `celery/canvas.py Signature.apply_async`. */
const READERS: Readonly<Record<string, Read>> = {
  task_id: text('taskId'),
  queue: text('queue'),
  exchange: text('exchange'),
  routing_key: text('routingKey'),
  serializer: text('serializer'),
  compression: text('compression'),
  shadow: text('shadow'),
  group_id: text('groupId'),
  root_id: text('rootId'),
  parent_id: text('parentId'),
  reply_to: text('replyTo'),
  priority: number('priority'),
  countdown: number('countdown'),
  time_limit: number('timeLimit'),
  soft_time_limit: number('softTimeLimit'),
  group_index: number('groupIndex'),
  eta: (value, path) => ({ eta: moment(value, path) }),
  expires: (value, path) => ({ expires: typeof value === 'number' ? value : moment(value, path) }),
  ignore_result: (value) => ({ ignoreResult: Boolean(value) }),
  headers: (value, path) =>
    typeof value === 'object' ? { headers: value as Readonly<Record<string, unknown>> } : wrong(path, 'an object'),
  link: (value, path) => ({ link: signatures(value, path) }),
  link_error: (value, path) => ({ linkError: signatures(value, path) }),
  chain: (value, path) => ({ chain: signatures(value, path) }),
};

/**
 * A signature's options as send options; null means absent. Stamps travel as option keys of their own name.
 * Throws `DecodeError` for an option of the wrong kind and `NotRegisteredError` for a composite signature or a chord member.
 */
export function signatureOptions(sig: SignatureWire): SendOptions & { readonly chain?: readonly SignatureWire[] } {
  if (isComposite(sig)) throw new NotRegisteredError(`a ${sig.subtask_type} signature cannot be sent yet: only plain tasks can`);
  if (sig.options['chord'] !== undefined && sig.options['chord'] !== null)
    throw new NotRegisteredError('a member of a chord cannot be sent yet');
  let options: SendOptions & { readonly chain?: readonly SignatureWire[] } = {};
  for (const [key, read] of Object.entries(READERS)) {
    const value = sig.options[key];
    if (value !== undefined && value !== null) options = { ...options, ...read(value, `options.${key}`) };
  }
  const { stamped_headers: stamped } = sig.options as { readonly stamped_headers?: unknown };
  if (!Array.isArray(stamped)) return options;
  const names = stamped.filter((name): name is string => typeof name === 'string');
  return { ...options, stamps: Object.fromEntries(names.map((name) => [name, sig.options[name]])) };
}

function moment(value: unknown, path: string): Date {
  if (value instanceof Date) return value;
  const parsed = typeof value === 'string' ? parseIso8601(value) : undefined;
  return parsed === undefined ? wrong(path, 'an ISO-8601 time') : new Date(parsed.epochMs);
}

function signatures(value: unknown, path: string): readonly SignatureWire[] {
  const items: readonly unknown[] = Array.isArray(value) ? value : [value];
  return items.map((item, index) => decodeSignature(item, `${path}[${index}]`));
}

function wrong(path: string, expected: string): never {
  throw new DecodeError(path, `expected ${expected}`);
}
