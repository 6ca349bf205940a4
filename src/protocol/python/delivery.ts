import { requestVerdict } from './request.ts';
import type { TaskParts } from './request.ts';
import { crashLoop, elements, isDict, isHashable, isTrue, verdict } from './verdict.ts';
import type { CeleryRelease, PythonVerdict, SeenMessage } from './verdict.ts';

/**
 * What a Python worker (prefork) does with a delivery, crashes included: `Consumer.create_task_handler`,
 * `worker/strategy.py`, `worker/request.py`, `app/trace.py`. Total: never throws.
 */
export function pythonVerdict(message: SeenMessage, release: CeleryRelease): PythonVerdict {
  const { headers, body } = message;
  // Compression is undone when the message object is made, before anything is looked at.
  if (isTrue(headers['compression']) && body.kind === 'undecodable') return undecodable(body.reason);
  return 'task' in headers ? protocol2(message, release) : protocol1(message, release);
}

const undecodable = (reason: string): PythonVerdict => verdict('acked', 'nothing', `"Can't decode message body": ${reason}`);

function protocol1(message: SeenMessage, release: CeleryRelease): PythonVerdict {
  const { body } = message;
  if (body.kind === 'disallowed') return undecodable(`${body.contentType} is not accepted`);
  if (body.kind === 'undecodable') return undecodable(body.reason);
  const payload = body.value;
  if (!isDict(payload) || !('task' in payload))
    return verdict('rejected', 'nothing', '"Received and deleted unknown message": no task in the headers, none in the body');
  const task = payload['task'];
  if (!isHashable(task)) return crashLoop('the task name cannot be a key');
  if (message.isRegistered?.(task) === false) {
    return 'id' in payload
      ? unregistered(payload['id'])
      : crashLoop('KeyError while reporting a task that is not registered: it has no id');
  }
  if ('kwargs' in payload && !isDict(payload['kwargs'])) return invalid('Task keyword arguments must be a mapping');
  // With args it goes the way of the hybrid form, where a missing id is None instead of a KeyError.
  if (!('args' in payload) && !('id' in payload)) return crashLoop("KeyError('id')");
  return requestVerdict(partsOf(payload, payload), message.nowMs, release);
}

function protocol2(message: SeenMessage, release: CeleryRelease): PythonVerdict {
  const { headers, body } = message;
  const task = headers['task'];
  if (!isHashable(task)) return crashLoop('the task name cannot be a key');
  if (message.isRegistered?.(task) === false) {
    return 'id' in headers ? unregistered(headers['id']) : crashLoop('a task that is not registered and has no id cannot be reported');
  }
  if (body.kind === 'disallowed') return invalid(`Refusing to deserialize untrusted content of type ${body.contentType}`);
  if (body.kind === 'undecodable') return undecodable(body.reason);
  const payload = body.value;
  if (payload === null || typeof payload === 'number' || typeof payload === 'boolean' || typeof payload === 'bigint')
    return crashLoop('TypeError: the body is not iterable');
  if (holdsArgs(payload)) {
    if (!isDict(payload) || ('kwargs' in payload && !isDict(payload['kwargs']))) return invalid('Task keyword arguments must be a mapping');
    // A header that is there wins; the object of the body fills in the rest.
    return requestVerdict(partsOf({ id: null, ...payload, ...headers }, payload), message.nowMs, release);
  }
  if (!('id' in headers)) return crashLoop("KeyError('id')");
  const three = elements(payload);
  if (three?.length !== 3) return crashLoop('ValueError: the body is not three values: args, kwargs and embed');
  const [args, kwargs, embed] = three;
  return requestVerdict({ fields: headers, args, kwargs, embed }, message.nowMs, release);
}

/** Python's `'args' in payload`: a key of a dict, an item of a list, a part of a text. */
function holdsArgs(payload: unknown): boolean {
  if (typeof payload === 'string' || Array.isArray(payload)) return payload.includes('args');
  return isDict(payload) && 'args' in payload;
}

function partsOf(fields: TaskParts['fields'], body: TaskParts['fields']): TaskParts {
  const { callbacks, errbacks, chord } = body as { readonly [key in 'callbacks' | 'errbacks' | 'chord']?: unknown };
  return {
    fields,
    args: 'args' in body ? body['args'] : [],
    kwargs: 'kwargs' in body ? body['kwargs'] : {},
    embed: { callbacks, errbacks, chord },
  };
}

function unregistered(id: unknown): PythonVerdict {
  if (!isTrue(id) || !isHashable(id))
    return verdict('crash', 'nothing', 'rejected, then an error while the failure is stored under such an id');
  return verdict('rejected', 'FAILURE', 'the task is not registered: NotRegistered');
}

function invalid(why: string): PythonVerdict {
  return verdict('rejected', 'nothing', `"Received invalid task message": ${why}`);
}
