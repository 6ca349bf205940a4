import type { Argv } from 'yargs';
import { UsageError } from './print.ts';

interface MissingFlag {
  readonly flag: string;
  readonly alias?: readonly string[];
  readonly boolean?: boolean;
}

/** Flags of `celery worker` that this worker does not have yet. They are refused by name, never swallowed. */
const MISSING: readonly MissingFlag[] = [
  { flag: 'pool-start-method' },
  { flag: 'beat', alias: ['B'], boolean: true },
  { flag: 'schedule', alias: ['s', 'schedule-filename'] },
  { flag: 'scheduler' },
];

/** Flags of `celery worker` that this worker will not have: something else does the same. */
const LEFT_OUT: readonly (MissingFlag & { readonly instead: string })[] = [
  { flag: 'detach', alias: ['D'], boolean: true, instead: 'let a supervisor run it: systemd, a container, or nohup … &' },
  { flag: 'uid', instead: 'start it as that user: systemd User=, a container USER, or setpriv' },
  { flag: 'gid', instead: 'start it as that group: systemd Group=, a container USER, or setpriv' },
  { flag: 'umask', instead: 'set it before the start: systemd UMask=, or umask in the shell' },
  { flag: 'executable', instead: 'run that node with the path of tq-bridge' },
];

/** Options that every command of celery has and none of ours. */
const MISSING_GLOBALS: readonly MissingFlag[] = [{ flag: 'loader' }, { flag: 'config' }, { flag: 'skip-checks', boolean: true }];

/** Flags of `celery events` for its camera, which writes snapshots to a database of Django's. */
const MISSING_EVENTS: readonly MissingFlag[] = [
  { flag: 'camera', alias: ['c'] },
  { flag: 'frequency', alias: ['freq', 'F'] },
  { flag: 'maxrate', alias: ['r'] },
  { flag: 'detach', alias: ['D'], boolean: true },
  { flag: 'loglevel', alias: ['l'] },
  { flag: 'logfile', alias: ['f'] },
  { flag: 'pidfile' },
  { flag: 'uid' },
  { flag: 'gid' },
  { flag: 'umask' },
  { flag: 'executable' },
];

/** As `declareMissingFlags`, for `celery events`. */
export function declareMissingEventFlags<T>(yargs: Argv<T>): Argv<T> {
  return declare(yargs, MISSING_EVENTS);
}

/** Throws `UsageError` for the first such flag that was given. */
export function refuseMissingEventFlags(argv: Readonly<Record<string, unknown>>): void {
  refuse(argv, MISSING_EVENTS, 'a flag of celery events');
}

/** As `declareMissingFlags`, for the options before the command. */
export function declareMissingGlobals<T>(yargs: Argv<T>): Argv<T> {
  return declare(yargs, MISSING_GLOBALS);
}

/** Throws `UsageError` for the first such option that was given. */
export function refuseMissingGlobals(argv: Readonly<Record<string, unknown>>): void {
  refuse(argv, MISSING_GLOBALS, 'an option of celery');
}

/** Makes yargs know the flags, hidden from help, so that strict mode does not call them typos. */
export function declareMissingFlags<T>(yargs: Argv<T>): Argv<T> {
  return declare(yargs, [...MISSING, ...LEFT_OUT]);
}

function declare<T>(yargs: Argv<T>, flags: readonly MissingFlag[]): Argv<T> {
  let declared = yargs;
  for (const { flag, alias, boolean } of flags) {
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
  for (const { flag, instead } of LEFT_OUT)
    if (argv[flag] !== undefined) throw new UsageError(`--${flag} is a flag of celery worker that tq-bridge does not have.`, instead);
  refuse(argv, MISSING, 'a flag of celery worker');
}

function refuse(argv: Readonly<Record<string, unknown>>, flags: readonly MissingFlag[], what: string): void {
  for (const { flag } of flags) {
    if (argv[flag] !== undefined) {
      throw new UsageError(
        `--${flag} is ${what} that tq-bridge does not support yet.`,
        'leave it out; docs/worker.md lists the flags there are',
      );
    }
  }
}

/** Commands of `celery` that there are none of here yet. */
export const MISSING_COMMANDS: ReadonlySet<string> = new Set(['amqp', 'beat', 'graph', 'logtool', 'migrate', 'multi', 'shell', 'upgrade']);
