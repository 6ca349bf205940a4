import type { Argv } from 'yargs';
import { text } from './option-types.ts';

/** Options of `purge`. */
export function purgeOptions<T>(yargs: Argv<T>): Argv<T> {
  return yargs
    .option('force', { alias: 'f', type: 'boolean', describe: 'Do not ask' })
    .option('queues', { alias: 'Q', ...text, describe: 'Comma-separated queues to purge' })
    .option('exclude-queues', { alias: 'X', ...text, describe: 'Comma-separated queues to leave alone' }) as unknown as Argv<T>;
}

/** Arguments of `list`. */
export function listOptions<T>(yargs: Argv<T>): Argv<T> {
  return yargs.positional('what', { choices: ['bindings', 'queues'], describe: 'What to list' }) as unknown as Argv<T>;
}
