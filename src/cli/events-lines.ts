import { escapeLine } from '../driver/logger.ts';
import { ownCopy } from '../base/own-copy.ts';
import type { ReceivedEvent } from '../events/read.ts';
import { formatValue } from './print.ts';

/** Tasks whose names are remembered, so that later lines can tell them. */
const REMEMBERED = 4095;

const LONGEST = 4096;

const HUMAN: Readonly<Record<string, string>> = {
  'worker-offline': 'shutdown',
  'worker-online': 'started',
  'worker-heartbeat': 'heartbeat',
};

/** Fields that a line has in places of their own. */
const PLACED: ReadonlySet<string> = new Set(['hostname', 'timestamp', 'type', 'uuid', 'name', 'args', 'kwargs']);

/** One line for each event, as `celery events --dump` writes them; what a stranger put into one is escaped. `celery/events/dumper.py`. */
export class EventLines {
  readonly #tasks = new Map<string, string>();

  line(event: ReceivedEvent): string {
    const type = HUMAN[event.type] ?? event.type.toLowerCase().replaceAll('-', ' ');
    const head = `${event.hostname} [${isoTime(event.timestamp)}] ${type}`;
    const fields = Object.keys(event)
      .filter((key) => !PLACED.has(key))
      .toSorted()
      .map((key) => `${key}=${printed(event[key])}`)
      .join(', ');
    const task = event.type.startsWith('task-') ? `${this.#task(event)} ` : '';
    return escapeLine(`${head}: ${task}${fields}`);
  }

  #task(event: ReceivedEvent): string {
    const uuid = short(printed(event['uuid']));
    if (event['name'] === undefined) return this.#tasks.get(uuid) ?? uuid;
    const shown = `${printed(event['name'])}(${uuid}) args=${printed(event['args'])} kwargs=${printed(event['kwargs'])}`;
    this.#tasks.delete(uuid);
    this.#tasks.set(uuid, short(shown));
    const [oldest] = this.#tasks.keys();
    if (this.#tasks.size > REMEMBERED && oldest !== undefined) this.#tasks.delete(oldest);
    return shown;
  }
}

/** A moment of an event's as text; its reader has made sure that there is such a moment. */
export function isoTime(seconds: number): string {
  return new Date(seconds * 1000).toISOString().replace('T', ' ').replace('Z', '+00:00');
}

/** As much of a stranger's text as is kept. */
function short(text: string): string {
  return text.length > LONGEST ? ownCopy(text.slice(0, LONGEST)) : text;
}

function printed(value: unknown): string {
  return value === undefined ? 'null' : formatValue(value, false);
}
