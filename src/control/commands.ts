/** How the command line reads one argument. */
export type ArgumentType = 'text' | 'whole' | 'number' | 'flag';

/** What is known of a remote control command besides what it does. `celery/worker/control.py controller_info_t`. */
export interface CommandInfo {
  /** `inspect` looks, `control` changes. */
  readonly type: 'inspect' | 'control';
  readonly help: string;
  readonly alias?: string;
  /** Hidden from the command line's list when false. */
  readonly visible?: boolean;
  /** Seconds a client waits for answers by default: 1. */
  readonly defaultTimeout?: number;
  /** Arguments as a person writes them. */
  readonly signature?: string;
  readonly args?: readonly (readonly [name: string, type: ArgumentType])[];
  /** The argument that takes all that is left on a command line. */
  readonly variadic?: string;
  /** Arguments that must be there. */
  readonly required?: readonly string[];
  /** The only arguments there may be; others are ignored where this is missing. */
  readonly only?: readonly string[];
}

const inspect = (help: string, more: Omit<CommandInfo, 'type' | 'help'> = {}): CommandInfo => ({ type: 'inspect', help, ...more });
const control = (help: string, more: Omit<CommandInfo, 'type' | 'help'> = {}): CommandInfo => ({ type: 'control', help, ...more });

/** Names of Celery's own commands. */
export type CommandName =
  | 'active'
  | 'active_queues'
  | 'clock'
  | 'conf'
  | 'hello'
  | 'memdump'
  | 'memsample'
  | 'objgraph'
  | 'ping'
  | 'query_task'
  | 'registered'
  | 'report'
  | 'reserved'
  | 'revoked'
  | 'scheduled'
  | 'stats'
  | 'add_consumer'
  | 'autoscale'
  | 'cancel_consumer'
  | 'disable_events'
  | 'election'
  | 'enable_events'
  | 'heartbeat'
  | 'pool_grow'
  | 'pool_restart'
  | 'pool_shrink'
  | 'rate_limit'
  | 'revoke'
  | 'revoke_by_stamped_headers'
  | 'shutdown'
  | 'terminate'
  | 'time_limit';

/** Celery's own commands, by name. */
export const COMMANDS: Readonly<Record<CommandName, CommandInfo>> = {
  active: inspect('Tasks that run now', { alias: 'dump_active' }),
  active_queues: inspect('Queues the worker consumes', { only: [] }),
  clock: inspect('Value of the logical clock'),
  conf: inspect('Settings', { alias: 'dump_conf', signature: '[include_defaults=False]', args: [['with_defaults', 'flag']] }),
  hello: inspect('What a starting worker asks its peers', { visible: false, required: ['from_node'] }),
  memdump: inspect('Memory of earlier memsample requests', { signature: '[n_samples=10]', args: [['samples', 'whole']] }),
  memsample: inspect('Resident memory of the worker now'),
  objgraph: inspect("Python's graph of objects: refused here", {
    defaultTimeout: 60,
    signature: '[object_type=Request] [num=200 [max_depth=10]]',
    args: [
      ['type', 'text'],
      ['num', 'whole'],
      ['max_depth', 'whole'],
    ],
  }),
  ping: inspect('Whether the worker answers', { defaultTimeout: 0.2 }),
  query_task: inspect('What the worker knows of tasks', { signature: '[id1 [id2 [... [idN]]]]', variadic: 'ids', required: ['ids'] }),
  registered: inspect('Tasks the worker knows', {
    alias: 'dump_tasks',
    signature: '[attr1 [attr2 [... [attrN]]]]',
    variadic: 'taskinfoitems',
  }),
  report: inspect('What a bug report needs', { only: [] }),
  reserved: inspect('Tasks that wait for a slot', { alias: 'dump_reserved' }),
  revoked: inspect('Ids of revoked tasks', { alias: 'dump_revoked' }),
  scheduled: inspect('Tasks that wait for their time', { alias: 'dump_schedule' }),
  stats: inspect('Counts, pool, broker and resources'),
  add_consumer: control('Consumes one more queue', {
    signature: '<queue> [exchange [type [routing_key]]]',
    args: [
      ['queue', 'text'],
      ['exchange', 'text'],
      ['exchange_type', 'text'],
      ['routing_key', 'text'],
    ],
    required: ['queue'],
  }),
  autoscale: control('Changes the bounds of autoscaling', {
    signature: '[max [min]]',
    args: [
      ['max', 'whole'],
      ['min', 'whole'],
    ],
    only: ['max', 'min'],
  }),
  cancel_consumer: control('Consumes a queue no longer', { signature: '<queue>', args: [['queue', 'text']], required: ['queue'] }),
  disable_events: control('Stops the events of tasks', { only: [] }),
  election: control('Elects one of the workers', { required: ['id', 'topic'] }),
  enable_events: control('Sends the events of tasks', { only: [] }),
  heartbeat: control('Sends a heartbeat event now', { only: [] }),
  pool_grow: control('Makes the pool larger', { signature: '[N=1]', args: [['n', 'whole']] }),
  pool_restart: control('Replaces the children of the pool'),
  pool_shrink: control('Makes the pool smaller', { signature: '[N=1]', args: [['n', 'whole']] }),
  rate_limit: control('Changes the rate limit of a task', {
    signature: '<task_name> <rate_limit (e.g., 5/s | 5/m | 5/h)>',
    args: [
      ['task_name', 'text'],
      ['rate_limit', 'text'],
    ],
    required: ['task_name', 'rate_limit'],
  }),
  revoke: control('Revokes tasks by id', { signature: '[id1 [id2 [... [idN]]]]', variadic: 'task_id', required: ['task_id'] }),
  revoke_by_stamped_headers: control('Revokes tasks by stamped header', {
    signature: '[key1=value1 [key2=value2 [... [keyN=valueN]]]]',
    variadic: 'headers',
    required: ['headers'],
  }),
  shutdown: control('Stops the worker'),
  terminate: control('Revokes tasks and ends them by force', {
    signature: '<signal> [id1 [id2 [... [idN]]]]',
    args: [['signal', 'text']],
    variadic: 'task_id',
    required: ['signal', 'task_id'],
  }),
  time_limit: control('Changes the time limits of a task', {
    signature: '<task_name> <soft_secs> [hard_secs]',
    args: [
      ['task_name', 'text'],
      ['soft', 'number'],
      ['hard', 'number'],
    ],
  }),
};
