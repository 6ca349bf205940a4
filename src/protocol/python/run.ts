import type { TaskParts } from './request.ts';
import { crashLoop, elements, isDict, isTrue, verdict } from './verdict.ts';
import type { PythonVerdict } from './verdict.ts';

/** Python 3.11 pickles 499 levels; the request that holds the arguments, and the calls around it, are some of them. */
const PICKLED_LEVELS = 477;

/** In the pool: `app/trace.py fast_trace_task`, `build_tracer`. */
export function runVerdict({ fields, args, kwargs, embed }: TaskParts): PythonVerdict {
  if (isDeeper(args, PICKLED_LEVELS) || isDeeper(kwargs, PICKLED_LEVELS))
    return crashLoop('RecursionError: so deep a value cannot be pickled for the child process');
  if (isTrue(embed) && !isDict(embed)) return lost('TypeError in the child: embed is not a mapping');
  if (!isDict(kwargs)) return lost('"Task keyword arguments is not a mapping"');
  if (elements(args) === undefined) return verdict('fails', 'FAILURE', 'TypeError: the arguments after * must be an iterable');
  const { callbacks, chain } = (isDict(embed) ? embed : {}) as { readonly [key in 'callbacks' | 'chain']?: unknown };
  if (!areSignatures(callbacks)) return verdict('runs', 'FAILURE', 'the task runs, then a malformed callback makes it fail');
  if (!areSignatures(chain)) return verdict('runs', 'FAILURE', 'the task runs, then the malformed rest of its chain makes it fail');
  return ranVerdict(fields, args, embed);
}

/** Everything ran; what may still be wrong is where the result goes, and what the arguments were. */
function ranVerdict(fields: TaskParts['fields'], args: unknown, embed: unknown): PythonVerdict {
  const { id } = fields as { readonly id?: unknown };
  if (!isTrue(id)) return verdict('runs', 'nothing', 'the task runs, then its result is lost: "task_id must not be empty"');
  if (typeof id !== 'string' && !(id instanceof Uint8Array))
    return verdict('runs', 'nothing', 'the task runs, then its result is lost: the id is not text');
  const stored = isTrue(fields['ignore_result']) ? 'nothing' : 'outcome';
  if (typeof args === 'string') return verdict('runs', stored, 'each character of the text is an argument');
  if (isDict(args)) return verdict('runs', stored, 'each key of the object is an argument, its values are lost');
  if (id instanceof Uint8Array) return verdict('runs', stored, 'the result is stored under an odd key: the id is bytes');
  if (typeof fields['ignore_result'] === 'string' && stored === 'nothing')
    return verdict('runs', stored, 'ignore_result is a text, and any text but the empty one is true');
  const { chord } = (isDict(embed) ? embed : {}) as { readonly chord?: unknown };
  if (isTrue(chord) && !isSignature(chord)) return verdict('runs', stored, 'the malformed chord is never finished');
  return verdict('runs', stored, stored === 'nothing' ? 'its result is ignored, as ignore_result says' : '');
}

function lost(why: string): PythonVerdict {
  return verdict('acked', 'nothing', `${why}; the sender waits for ever`);
}

function areSignatures(value: unknown): boolean {
  return !isTrue(value) || (Array.isArray(value) && value.every(isSignature));
}

/** What `Signature.from_dict` and `apply_async` look up. */
function isSignature(value: unknown): boolean {
  return isDict(value) && typeof value['task'] === 'string' && ['args', 'kwargs', 'options'].every((key) => key in value);
}

/** Walks without recursion: a hostile depth must not overflow this stack. */
function isDeeper(value: unknown, levels: number): boolean {
  let layer: unknown[] = [value];
  for (let depth = 0; layer.length > 0; depth += 1) {
    if (depth > levels) return true;
    layer = layer.flatMap((item) => (Array.isArray(item) ? (item as unknown[]) : isDict(item) ? Object.values(item) : []));
  }
  return false;
}
