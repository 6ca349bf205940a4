/** The app of our column; `app.py` is the same in Python. Every run of a task is two lines in the ledger. */

import { appendFileSync, closeSync, existsSync, openSync, readFileSync } from 'node:fs';
import { setTimeout as sleep } from 'node:timers/promises';
import { Celery } from 'tq-bridge';

const { TQ_BROKER = '', TQ_BACKEND = '', TQ_QUEUE = '', TQ_LEDGER = '', TQ_CONF = '{}', TQ_DIES_AT = '' } = process.env;

export const app: Celery = new Celery('faults', {
  broker_url: TQ_BROKER,
  result_backend: TQ_BACKEND,
  task_default_queue: TQ_QUEUE,
  ...(JSON.parse(TQ_CONF) as Readonly<Record<string, unknown>>),
});

function note(id: string, what: 'start' | 'end'): void {
  appendFileSync(TQ_LEDGER, `${id} ${what} ${Date.now() / 1000} ${process.pid}\n`);
}

function hasStarted(id: string): boolean {
  return existsSync(TQ_LEDGER) && readFileSync(TQ_LEDGER, 'utf8').includes(`${id} start `);
}

/** Ends worker and children at once, as a machine that goes down does; once in a scenario. */
function die(): void {
  try {
    closeSync(openSync(`${TQ_LEDGER}.died`, 'wx'));
  } catch {
    return;
  }
  process.kill(0, 'SIGKILL');
}

/** What a task does besides sleeping. */
const MISCHIEF: Readonly<Record<string, (id: string) => unknown>> = {
  'die at start': die,
  'kill child': () => process.kill(process.pid, 'SIGKILL'),
  spin: () => {
    for (;;);
  },
  heap: () => {
    const held: unknown[] = [];
    for (;;) held.push(Array.from({ length: 10_000 }, (_item, index) => ({ index })));
  },
  exit: () => process.exit(3),
  abort: () => process.abort(),
  rejection: () => void Promise.reject(new Error('nobody waits for this')),
  timer: () =>
    void setTimeout(() => {
      throw new Error('from a timer');
    }),
  publish: (id) => app.sendTask('f.early', [`${id}-child`, 0], { taskId: `${id}-child` }),
};

/** `how`: a mischief, `once …` for one at the first start only, or `long once`, which sleeps at the first start only. */
async function run(id: string, seconds: number, how = ''): Promise<void> {
  const again = hasStarted(id);
  note(id, 'start');
  const mischief = how.startsWith('once ') ? (again ? '' : how.slice(5)) : how;
  await MISCHIEF[mischief]?.(id);
  if (!(how === 'long once' && again)) await sleep(seconds * 1000);
  note(id, 'end');
  if (how === 'die at end') die();
}

const params = ['id', 'seconds', 'how?', 'load?'];
app.task('f.early', { params, acksLate: false }, run);
app.task('f.late', { params, acksLate: true }, run);

if (TQ_DIES_AT !== '') app.signals.on(TQ_DIES_AT as 'task_received', die);
