import type { Argv } from 'yargs';
import { declareMissingEventFlags } from './not-built.ts';
import { text } from './option-types.ts';

/** Options of `tq-bridge events`. */
export function eventsOptions<T>(yargs: Argv<T>): Argv<T> {
  const declared = yargs
    .option('dump', { alias: 'd', type: 'boolean', describe: 'One line for each event; so it is where stdout is no terminal' })
    .option('type', { ...text, describe: "Only events of these types: comma-separated, * allowed, e.g. 'task-*'" })
    .option('task', { ...text, describe: 'Only events of tasks of these names: comma-separated, * allowed' })
    .example('$0 events', 'watch tasks and workers live')
    .example('$0 --json events --type task-failed', 'failures as JSON, one a line');
  return declareMissingEventFlags(declared) as unknown as Argv<T>;
}
