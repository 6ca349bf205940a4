/** Commands of remote control, and how far the answers of a worker of ours and one of Python's must be alike. */

/** `same`: equal but for the node's own numbers. `shape`: the same keys and types. `own`: each answers in its own way, for the reason given. */
export type Likeness = 'same' | 'shape' | { readonly own: string };

/** One command as a person types it. */
export interface ControlCase {
  readonly type: 'inspect' | 'control';
  readonly words: readonly string[];
  readonly likeness: Likeness;
}

const inspect = (likeness: Likeness, ...words: string[]): ControlCase => ({ type: 'inspect', words, likeness });
const control = (likeness: Likeness, ...words: string[]): ControlCase => ({ type: 'control', words, likeness });

/** In this order, with one task running, one waiting for a slot and one for its time on each worker. */
export const controlCases: readonly ControlCase[] = [
  inspect('same', 'ping'),
  inspect('shape', 'clock'),
  inspect('shape', 'active'),
  inspect('shape', 'scheduled'),
  inspect('shape', 'reserved'),
  inspect('shape', 'query_task', 'running-ts', 'running-py'),
  inspect('shape', 'active_queues'),
  inspect('same', 'revoked'),
  inspect('shape', 'stats'),
  inspect({ own: 'each lists its own tasks' }, 'registered'),
  inspect({ own: 'each lists its own settings' }, 'conf'),
  inspect({ own: 'each names its own software' }, 'report'),
  inspect({ own: "Python's needs psutil" }, 'memsample'),
  inspect({ own: "Python's needs psutil" }, 'memdump'),
  inspect({ own: "of Python's objects; refused with a text" }, 'objgraph'),
  control('same', 'revoke', 'some-id'),
  control('same', 'terminate', 'KILL', 'unknown-id'),
  control('same', 'revoke_by_stamped_headers', 'tenant=blue'),
  control('same', 'rate_limit', 'no.such.task', '5/m'),
  control('same', 'time_limit', 'no.such.task', '5'),
  control('same', 'enable_events'),
  control('same', 'enable_events'),
  control('same', 'disable_events'),
  control('same', 'heartbeat'),
  control('same', 'pool_grow', '1'),
  control({ own: "5.7's prefork shrinks only when a child is idle" }, 'pool_shrink', '1'),
  control('same', 'autoscale', '4', '1'),
  control('same', 'pool_restart'),
  control('same', 'add_consumer', 'control-more'),
  control('same', 'cancel_consumer', 'control-more'),
];

/** Numbers and names that belong to one node, and what only one kind of pool has. */
const OWN = new Set(['pool', 'total', 'rusage', 'hostname', 'alternates']);

/** An answer's keys and types. */
export function shapeOf(value: unknown): unknown {
  if (Array.isArray(value)) return value.length === 0 ? [] : [shapeOf(value[0])];
  if (typeof value !== 'object' || value === null) return typeof value;
  const fields = Object.entries(value).filter(([key]) => !OWN.has(key));
  return Object.fromEntries(fields.map(([key, item]) => [key.replace(/-(ts|py)$/, ''), item === null ? 'null' : shapeOf(item)]));
}
