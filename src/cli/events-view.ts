import { escapeLine } from '../driver/logger.ts';
import type { ClusterState, TaskView } from '../events/state.ts';
import { isoTime } from './events-lines.ts';

/** Size of a terminal, and the time in seconds. */
export interface Frame {
  readonly columns: number;
  readonly rows: number;
  readonly now: number;
}

/** What a key asks for besides another picture. */
export type Wish = 'quit' | undefined;

const KEYS = 'q: quit  j: down  k: up  i: info  t: traceback  r: result  c: revoke  l: rate limit';
const TIME_WIDTH = 8;
const STATE_WIDTH = 9;
const WORKER_WIDTH = 20;
const UUID_WIDTH = 36;

/** Lines around the tasks: a title, the workers, a heading, the keys. */
const FURNITURE = 5;

/**
 * The live view of `tq-bridge events`: tasks as they change, workers below, and what a key asks for. Draws lines of text and
 * touches no terminal. `celery/events/cursesmon.py`.
 */
export class EventsView {
  readonly #state: ClusterState;
  #selected: string | undefined;
  #page: { readonly title: string; readonly text: string } | undefined;

  constructor(state: ClusterState) {
    this.#state = state;
  }

  /** Takes one key. */
  press(key: string): Wish {
    if (this.#page !== undefined && key !== 'q' && key !== '\u0003') {
      this.#page = undefined;
      return undefined;
    }
    switch (key) {
      case 'q':
      case '\u0003':
        return 'quit';
      case 'j':
      case '\u001b[B':
        return this.#move(1);
      case 'k':
      case '\u001b[A':
        return this.#move(-1);
      case 'i':
      case 't':
      case 'r':
      case 'c':
      case 'l':
        return this.#open(key);
      default:
        return undefined;
    }
  }

  /** The screen, `rows` lines of `columns` characters at most. */
  lines(frame: Frame): string[] {
    const { rows, columns } = frame;
    const drawn = this.#page === undefined ? this.#table(frame) : pageLines(this.#page, columns);
    const body = drawn.slice(0, Math.max(0, rows - 1));
    while (body.length < rows - 1) body.push('');
    return [...body, this.#page === undefined ? KEYS : 'any key: back  q: quit'].map((line) => line.slice(0, columns));
  }

  #table({ rows, columns, now }: Frame): string[] {
    const { workers, eventCount, taskCount } = this.#state;
    const alive = [...workers.values()].filter((worker) => this.#state.isAlive(worker, now));
    const room = Math.max(1, rows - FURNITURE);
    const tasks = this.#window(room);
    const nameWidth = Math.max(8, columns - UUID_WIDTH - WORKER_WIDTH - TIME_WIDTH - STATE_WIDTH - 6);
    const row = (cells: readonly string[]): string =>
      [UUID_WIDTH, nameWidth, WORKER_WIDTH, TIME_WIDTH, STATE_WIDTH].map((width, at) => fit(cells[at] ?? '', width)).join(' ');
    return [
      `tq-bridge events: ${eventCount} events, ${taskCount} tasks, workers ${alive.length}/${workers.size}`,
      `Workers online: ${alive.map(({ hostname, active, processed }) => `${escapeLine(hostname)} (${active ?? '?'} active, ${processed ?? '?'} done)`).join(', ')}`,
      `  ${row(['UUID', 'TASK', 'WORKER', 'TIME', 'STATE'])}`,
      ...tasks.map((task) => `${task.uuid === this.#selected ? '> ' : '  '}${row(cellsOf(task))}`),
    ];
  }

  /** As many tasks as there is room for, the selected one among them. */
  #window(room: number): TaskView[] {
    const tasks = this.#state.latestTasks();
    this.#selected = tasks.some(({ uuid }) => uuid === this.#selected) ? this.#selected : tasks[0]?.uuid;
    const at = tasks.findIndex(({ uuid }) => uuid === this.#selected);
    const first = Math.max(0, at - room + 1);
    return tasks.slice(first, first + room);
  }

  #move(by: number): undefined {
    const tasks = this.#state.latestTasks();
    const at = tasks.findIndex(({ uuid }) => uuid === this.#selected);
    this.#selected = tasks[Math.min(Math.max(at + by, 0), tasks.length - 1)]?.uuid;
    return undefined;
  }

  #open(key: 'i' | 't' | 'r' | 'c' | 'l'): undefined {
    const task = this.#selected === undefined ? undefined : this.#state.tasks.get(this.#selected);
    if (task !== undefined) this.#page = pageOf(key, task);
    return undefined;
  }
}

function pageOf(key: 'i' | 't' | 'r' | 'c' | 'l', task: TaskView): { readonly title: string; readonly text: string } {
  const { result, exception, traceback } = task.fields;
  switch (key) {
    case 'i':
      return { title: 'Task info', text: info(task) };
    case 't':
      return { title: 'Traceback', text: String(traceback ?? 'There is no traceback.') };
    case 'r':
      return { title: 'Result', text: String(result ?? exception ?? 'There is no result yet.') };
    case 'c':
      return { title: 'Revoke', text: `tq-bridge control revoke ${task.uuid}` };
    case 'l':
      return { title: 'Rate limit', text: `tq-bridge control rate_limit ${String(task.fields['name'] ?? 'NAME')} 10/m` };
  }
}

function info(task: TaskView): string {
  const rows: (readonly [string, unknown])[] = [
    ['uuid', task.uuid],
    ['state', task.state],
    ['worker', task.worker],
    ['client', task.client],
    ...Object.entries(task.fields).filter(([name]) => name !== 'traceback'),
    ...Object.entries(task.times).map(([name, at]) => [name, at === undefined ? undefined : isoTime(at)] as const),
  ];
  return rows
    .filter(([, value]) => value !== undefined)
    .map(([name, value]) => `${name.padEnd(12)} ${String(value).replaceAll('\n', ' ')}`)
    .join('\n');
}

function pageLines({ title, text }: { readonly title: string; readonly text: string }, columns: number): string[] {
  const lines = text.split('\n').flatMap((line) => wrapped(escapeLine(line), columns));
  return [title, '', ...lines];
}

function wrapped(line: string, columns: number): string[] {
  const pieces: string[] = [];
  for (let at = 0; at === 0 || at < line.length; at += columns) pieces.push(line.slice(at, at + columns));
  return pieces;
}

function cellsOf({ uuid, fields, worker, timestamp, state }: TaskView): string[] {
  return [uuid, String(fields['name'] ?? ''), worker ?? '', isoTime(timestamp).slice(11, 19), state];
}

function fit(text: string, width: number): string {
  const clean = escapeLine(text);
  return (clean.length > width ? `${clean.slice(0, width - 1)}…` : clean).padEnd(width);
}
