import type { Argv } from 'yargs';
import { UsageError } from './print.ts';

interface MissingFlag {
  readonly flag: string;
  readonly alias?: readonly string[];
  readonly boolean?: boolean;
}

/** Flags of `celery worker` that this worker does not have yet. They are refused by name, never swallowed. */
const MISSING: readonly MissingFlag[] = [
  { flag: 'detach', alias: ['D'], boolean: true },
  { flag: 'statedb', alias: ['S'] },
  { flag: 'optimization', alias: ['O'] },
  { flag: 'disable-prefetch', boolean: true },
  { flag: 'task-events', alias: ['E', 'events'], boolean: true },
  { flag: 'time-limit' },
  { flag: 'soft-time-limit' },
  { flag: 'max-tasks-per-child' },
  { flag: 'max-memory-per-child' },
  { flag: 'pool-start-method' },
  { flag: 'purge', alias: ['discard'], boolean: true },
  { flag: 'heartbeat-interval' },
  { flag: 'autoscale' },
  { flag: 'beat', alias: ['B'], boolean: true },
  { flag: 'schedule', alias: ['s', 'schedule-filename'] },
  { flag: 'scheduler' },
  { flag: 'logfile', alias: ['f'] },
  { flag: 'pidfile' },
  { flag: 'uid' },
  { flag: 'gid' },
  { flag: 'umask' },
  { flag: 'executable' },
];

/** Makes yargs know the flags, hidden from help, so that strict mode does not call them typos. */
export function declareMissingFlags<T>(yargs: Argv<T>): Argv<T> {
  let declared = yargs;
  for (const { flag, alias, boolean } of MISSING) {
    declared = declared.option(flag, {
      alias: alias ?? [],
      type: boolean === true ? 'boolean' : 'string',
      hidden: true,
    }) as unknown as Argv<T>;
  }
  return declared;
}

/** Throws `UsageError` for the first such flag that was given. */
export function refuseMissingFlags(argv: Readonly<Record<string, unknown>>): void {
  for (const { flag } of MISSING) {
    if (argv[flag] !== undefined) {
      throw new UsageError(
        `--${flag} is a flag of celery worker that tq-bridge does not support yet.`,
        'leave it out; docs/protocol.md lists what is built',
      );
    }
  }
}

/** Commands of `celery` that there are none of here yet. */
export const MISSING_COMMANDS: ReadonlySet<string> = new Set([
  'amqp',
  'beat',
  'control',
  'events',
  'graph',
  'inspect',
  'list',
  'logtool',
  'migrate',
  'multi',
  'purge',
  'report',
  'shell',
  'status',
  'upgrade',
]);
