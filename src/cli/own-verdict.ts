import { messageLimits } from '../app/limits.ts';
import { ContentDisallowedError, TqError } from '../base/errors.ts';
import { decodeMessage } from '../message/decode.ts';
import type { Message } from '../message/message.ts';
import { decodeTask, peekIds } from '../protocol/detect.ts';
import { verdict } from '../protocol/python/verdict.ts';
import type { PythonVerdict } from '../protocol/python/verdict.ts';
import { decide } from '../worker/strategy.ts';
import type { World } from './inspect-message.ts';

/** What a worker of tq-bridge that has the task does with a message: `worker/intake.ts` in a sentence. */
export function ownVerdict({ app, accept, nowMs }: World, message: Message): PythonVerdict {
  const limits = messageLimits(app.settings);
  const { maxIdLength } = limits;
  try {
    const value = decodeMessage(message, {
      registry: app.serializers,
      compressors: app.compressors,
      accept,
      ...limits,
    });
    return decodedVerdict(message, value, { nowMs, maxIdLength });
  } catch (error) {
    if (!(error instanceof TqError)) throw error;
    const what = error instanceof ContentDisallowedError ? '' : "can't decode message body: ";
    return rejected(`${what}${error.message}`, peekIds(message.headers, maxIdLength).id);
  }
}

function decodedVerdict(
  message: Message,
  value: unknown,
  { nowMs, maxIdLength }: { readonly nowMs: number; readonly maxIdLength: number },
): PythonVerdict {
  const decoded = decodeTask(message.headers, value, maxIdLength);
  if (decoded.kind === 'unknown') return rejected('unknown message: no task in the headers, none in the body', undefined);
  if (decoded.kind === 'invalid') return rejected(`invalid task message: ${decoded.reason}`, decoded.id);
  const { request } = decoded;
  const decision = decide(request, nowMs);
  if (decision.kind === 'discard') return verdict('revoked', 'REVOKED', 'it has expired');
  const ignored = request.ignoreResult === true;
  const stored = ignored ? 'nothing' : 'outcome';
  if (decision.kind === 'hold') return verdict('held', stored, 'it waits for its eta, unacknowledged');
  return verdict('runs', stored, ignored ? 'its result is ignored, as ignore_result says' : '');
}

/** Everything that can never run ends so: dead-lettered, one line in the log, a failure where an id says whose it is. */
function rejected(why: string, id: string | undefined): PythonVerdict {
  return verdict('rejected', id === undefined ? 'nothing' : 'FAILURE', why);
}
