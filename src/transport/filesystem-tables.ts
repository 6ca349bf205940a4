import { utf8Decode } from '../base/bytes.ts';
import { ChannelError } from '../base/errors.ts';
import type { Host } from '../base/host.ts';
import { readIfThere, replaceFile } from '../driver/files.ts';
import type { Binding } from './virtual/exchange.ts';

/** kombu's rule: no path, and no name of a Windows device before the first dot. */
const EXCHANGE_NAME = /^(?!\.+$)(?!(?:con|prn|aux|nul|com[1-9]|lpt[1-9])(?:\.|$))[A-Za-z0-9._-]{1,200}$/i;

/** Another process that declares in the same instant may replace the table with one that lacks our row. */
const BIND_ATTEMPTS = 20;
const BIND_PAUSE_MS = 10;

/** The routing tables in the control folder: one JSON file an exchange, newest row first. */
export class RoutingTables {
  readonly #folder: string;
  readonly #host: Host;
  /** Exchanges each queue was bound to through us. */
  readonly #bound = new Map<string, Set<string>>();

  constructor(folder: string, host: Host) {
    this.#folder = folder;
    this.#host = host;
  }

  /** Adds a row, and looks again whether it stayed: tables are replaced, not locked. */
  async bind(exchange: string, binding: Binding): Promise<void> {
    const exchanges = this.#bound.get(binding.queue) ?? new Set();
    this.#bound.set(binding.queue, exchanges.add(exchange));
    for (let attempt = 0; attempt < BIND_ATTEMPTS; attempt += 1) {
      const rows = await this.rows(exchange);
      if (rows.some((row) => isSame(row, binding))) return;
      await this.#write(exchange, [binding, ...rows]);
      await new Promise((resolve) => setTimeout(resolve, BIND_PAUSE_MS * (0.5 + Math.random())));
    }
  }

  /** Takes out the rows of a queue that was bound through us. */
  async unbind(queue: string): Promise<void> {
    for (const exchange of this.#bound.get(queue) ?? []) {
      const rows = await this.rows(exchange);
      const rest = rows.filter((row) => row.queue !== queue);
      if (rest.length < rows.length) await this.#write(exchange, rest);
    }
    this.#bound.delete(queue);
  }

  async rows(exchange: string): Promise<readonly Binding[]> {
    const bytes = await readIfThere(this.#path(exchange));
    if (bytes === undefined || bytes.length === 0) return [];
    const rows = parseTable(bytes);
    if (rows === undefined) throw new ChannelError(`the routing table of exchange ${exchange} is unreadable`);
    return rows;
  }

  async #write(exchange: string, rows: readonly Binding[]): Promise<void> {
    const table = rows.map((row) => [row.routingKey, row.pattern, row.queue]);
    await replaceFile(this.#path(exchange), JSON.stringify(table), this.#host.uuid());
  }

  #path(exchange: string): string {
    if (!EXCHANGE_NAME.test(exchange)) {
      throw new ChannelError(
        `Invalid exchange name '${exchange.slice(0, 100)}': the filesystem broker takes letters, digits, '.', '_' and '-'`,
      );
    }
    return `${this.#folder}/${exchange}.exchange`;
  }
}

function isSame(one: Binding, other: Binding): boolean {
  return one.queue === other.queue && one.routingKey === other.routingKey && one.pattern === other.pattern;
}

function parseTable(bytes: Uint8Array): Binding[] | undefined {
  try {
    const rows: unknown = JSON.parse(utf8Decode(bytes));
    if (!Array.isArray(rows)) return undefined;
    return rows.map((row: readonly unknown[]) => ({
      routingKey: String(row[0] ?? ''),
      pattern: String(row[1] ?? ''),
      queue: String(row[2] ?? ''),
    }));
  } catch {
    return undefined;
  }
}
