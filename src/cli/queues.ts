import { createInterface } from 'node:readline/promises';
import { purgeQueues, queueCounts } from '../app/purge.ts';
import { bugReport } from '../app/report.ts';
import type { Celery } from '../celery.ts';
import type { Connection, QueueCounts } from '../transport/transport.ts';
import { clientApp } from './client-app.ts';
import { EXIT } from './exit-codes.ts';
import { commaList } from './option-types.ts';
import { note, printLine, UsageError } from './print.ts';

type Arguments = Readonly<Record<string, unknown>>;

/** `tq-bridge purge`: throws away what waits in the app's queues, once it was confirmed. `celery/bin/purge.py`. */
export async function purge(argv: Arguments): Promise<number> {
  await using app = await clientApp(argv);
  const all = commaList(argv['queues']) ?? app.consumeQueues().map(({ name }) => name);
  const excluded = new Set(commaList(argv['exclude-queues']));
  const names = all.filter((name) => !excluded.has(name)).toSorted();
  if (names.length === 0) return EXIT.ok;
  if (argv['force'] !== true && !(await confirmed(names))) return EXIT.failure;
  const purged = await purgeQueues(await connect(app), names);
  const count = [...purged.values()].reduce((sum, one) => sum + one, 0);
  if (argv['json'] === true) printLine(JSON.stringify({ purged: count, queues: Object.fromEntries(purged) }));
  else if (count === 0) printLine(`No messages purged from ${plural(names.length, 'queue')}.`);
  else printLine(`Purged ${plural(count, 'message')} from ${plural(names.length, 'known task queue')}.`);
  return EXIT.ok;
}

/** Asks on a terminal. Throws `UsageError` where there is none: nobody could answer. */
async function confirmed(names: readonly string[]): Promise<boolean> {
  if (!process.stdin.isTTY) throw new UsageError('purge asks before it deletes, and this is no terminal.', '-f deletes without asking');
  note(`WARNING: This will remove all tasks from ${names.length === 1 ? 'queue' : 'queues'}: ${names.join(', ')}.`);
  note('         There is no undo for this operation!\n\n(to skip this prompt use the -f option)');
  const terminal = createInterface({ input: process.stdin, output: process.stderr });
  const answer = await terminal.question('Are you sure you want to delete all tasks? [y/N]: ');
  terminal.close();
  return /^y(es)?$/i.test(answer.trim());
}

/** `tq-bridge list bindings`, `tq-bridge list queues`: what the app's queues are bound to, how much waits in them and how many consume them. */
export async function list(argv: Arguments): Promise<number> {
  await using app = await clientApp(argv);
  const queues = app.consumeQueues();
  const connection = await connect(app);
  if (argv['what'] === 'bindings') {
    const channel = await connection.openChannel();
    for (const queue of queues) await channel.declareQueue(queue);
    const rows = queues.map(({ name, exchange, routingKey }) => ({ queue: name, exchange: exchange.name, routing_key: routingKey }));
    if (argv['json'] === true) printLine(JSON.stringify(rows));
    else printTable(['Queue', 'Exchange', 'Routing Key'], rows.map(Object.values));
    return EXIT.ok;
  }
  const counts = await queueCounts(
    connection,
    queues.map(({ name }) => name),
  );
  if (argv['json'] === true) {
    // null is what is not known: no such queue, or a broker that knows no consumers.
    const known = [...counts].map(([queue, count]) => ({ queue, messages: count?.messages ?? null, consumers: count?.consumers ?? null }));
    printLine(JSON.stringify(known));
  } else printTable(['Queue', 'Messages', 'Consumers'], [...counts].map(countRow));
  return EXIT.ok;
}

function countRow([queue, counts]: readonly [string, QueueCounts | undefined]): readonly string[] {
  if (counts === undefined) return [queue, 'no such queue'];
  return [queue, String(counts.messages), String(counts.consumers ?? 'not known')];
}

/** `tq-bridge report`: what a bug report needs, without secrets. */
export async function report(argv: Arguments): Promise<number> {
  await using app = await clientApp(argv);
  const text = bugReport(app);
  printLine(argv['json'] === true ? JSON.stringify({ report: text }) : text);
  return EXIT.ok;
}

function connect(app: Celery): Promise<Connection> {
  return app.openLink().open();
}

function plural(count: number, word: string): string {
  return `${count} ${word}${count === 1 ? '' : 's'}`;
}

/** Celery's columns. */
function printTable(head: readonly string[], rows: readonly (readonly string[])[]): void {
  for (const row of [head, head.map(() => '-'.repeat(16)), ...rows])
    printLine(row.map((cell, index) => (index === row.length - 1 ? cell : cell.padEnd(28))).join(' '));
}
