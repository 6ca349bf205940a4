import type { Argv } from 'yargs';
import { seconds, text, whole } from './option-types.ts';

/** Options of `inspect` and `control`. */
export function remoteOptions<T>(yargs: Argv<T>): Argv<T> {
  return statusOptions(yargs)
    .positional('words', { type: 'string', array: true, describe: 'The command and its arguments' })
    .option('list', { type: 'boolean', describe: 'List the commands there are' })
    .example('$0 -A tasks.ts inspect active -d w1@host', 'what one worker runs')
    .example('$0 -b amqp://localhost// control rate_limit tasks.add 10/m', 'ten a minute, on every worker') as unknown as Argv<T>;
}

/** Options of `status`, and of the others too. */
export function statusOptions<T>(yargs: Argv<T>): Argv<T> {
  return yargs
    .option('timeout', { alias: 't', ...seconds('timeout'), describe: 'Seconds to wait for the next answer (1)' })
    .option('destination', { alias: 'd', ...text, describe: 'Comma-separated names of nodes' })
    .option('expect', {
      ...whole('expect'),
      describe: 'Return as soon as so many nodes have answered; exit 69 when fewer do',
    }) as unknown as Argv<T>;
}
