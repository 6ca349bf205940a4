import { utf8Decode } from '../base/bytes.ts';
import { ChannelError, ConnectionError } from '../base/errors.ts';
import type { Host } from '../base/host.ts';
import { makeFolder, monotonicMs, readIfThere, replaceFile } from '../driver/files.ts';
import { Spool } from '../driver/spool.ts';
import type { Transport, TransportOptions } from './transport.ts';
import { VirtualConnection } from './virtual/connection.ts';
import type { Binding } from './virtual/exchange.ts';
import type { Taken, VirtualStore } from './virtual/store.ts';

/**
 * kombu's `filesystem://`: message files and routing tables in folders that Python workers on the same machine share.
 * `docs/transports.md` has the layout; `kombu/transport/filesystem.py`.
 */
export const filesystemTransport: Transport = {
  driverType: 'filesystem',
  supports: { priority: false, fanout: true, heartbeat: false },
  connect: async (_url, options) => {
    const store = await openStore(options);
    return new VirtualConnection(store, options.host, options.logger);
  },
};

interface Folders {
  readonly control: string;
  /** Where settled messages are kept, with `store_processed`. */
  readonly processed: string | undefined;
}

async function openStore({ transportOptions, host }: TransportOptions): Promise<FilesystemStore> {
  const folder = (name: string, fallback: string): string => {
    const value = transportOptions[name] ?? fallback;
    if (typeof value !== 'string' || value === '') throw new ConnectionError(`broker_transport_options.${name} must be a folder's path`);
    return value;
  };
  const folderIn = folder('data_folder_in', 'data_in');
  const folderOut = folder('data_folder_out', 'data_out');
  const control = folder('control_folder', 'control');
  const processed = transportOptions['store_processed'] === true ? folder('processed_folder', 'processed') : undefined;
  try {
    for (const path of [folderIn, folderOut, control, processed]) if (path !== undefined) await makeFolder(path);
    const inbox = await Spool.open(folderIn, host.uuid());
    const outbox = folderOut === folderIn ? inbox : await Spool.open(folderOut, host.uuid());
    return new FilesystemStore(inbox, outbox, { control, processed }, host);
  } catch (error) {
    throw new ConnectionError(`cannot use the broker's folders: ${error instanceof Error ? error.message : String(error)}`, {
      cause: error,
    });
  }
}

const LONGEST_QUEUE_NAME = 200;
/** kombu's rule: no path, and no name of a Windows device before the first dot. */
const EXCHANGE_NAME = /^(?!\.+$)(?!(?:con|prn|aux|nul|com[1-9]|lpt[1-9])(?:\.|$))[A-Za-z0-9._-]{1,200}$/i;

class FilesystemStore implements VirtualStore {
  readonly #inbox: Spool;
  readonly #outbox: Spool;
  readonly #folders: Folders;
  readonly #host: Host;
  #stamp = 0;

  constructor(inbox: Spool, outbox: Spool, folders: Folders, host: Host) {
    this.#inbox = inbox;
    this.#outbox = outbox;
    this.#folders = folders;
    this.#host = host;
  }

  async push(queue: string, payload: string): Promise<void> {
    checkQueueName(queue);
    // kombu sorts by name: a millisecond of its own for each message keeps the order they were sent in.
    this.#stamp = Math.max(monotonicMs(), this.#stamp + 1);
    await this.#outbox.put(`${this.#stamp}_${this.#host.uuid()}.${queue}.msg`, payload);
  }

  async take(queues: readonly string[], max: number): Promise<readonly Taken[]> {
    const taken: Taken[] = [];
    const wanted = new Map(queues.map((queue) => [`${queue}.msg`, queue]));
    for (const name of await this.#inbox.list()) {
      if (taken.length >= max) break;
      const queue = wanted.get(afterFirstDot(name));
      const file = queue === undefined ? undefined : await this.#inbox.claim(name);
      if (file !== undefined && queue !== undefined) taken.push({ queue, payload: file.text, handle: name });
    }
    return taken;
  }

  arrival(_queues: readonly string[], signal: AbortSignal): Promise<void> {
    return this.#inbox.changed(signal);
  }

  async settle(taken: Taken): Promise<void> {
    if (!(await this.#inbox.finish(String(taken.handle), this.#folders.processed))) throw lostClaim();
  }

  async requeue(taken: Taken, payload: string): Promise<void> {
    if (!(await this.#inbox.giveBack(String(taken.handle), payload))) throw lostClaim();
  }

  quarantine(taken: Taken): Promise<void> {
    return this.#inbox.reject(String(taken.handle));
  }

  async size(queue: string): Promise<number> {
    return (await this.#waiting(queue)).length;
  }

  async purge(queue: string): Promise<number> {
    let count = 0;
    for (const name of await this.#waiting(queue)) if (await this.#inbox.remove(name)) count += 1;
    return count;
  }

  async deleteQueue(queue: string): Promise<void> {
    await this.purge(queue);
  }

  async bind(exchange: string, binding: Binding): Promise<void> {
    checkQueueName(binding.queue);
    const rows = await this.bindings(exchange);
    const known = rows.some(
      (row) => row.queue === binding.queue && row.routingKey === binding.routingKey && row.pattern === binding.pattern,
    );
    if (known) return;
    const table = [binding, ...rows].map((row) => [row.routingKey, row.pattern, row.queue]);
    await replaceFile(this.#table(exchange), JSON.stringify(table), this.#host.uuid());
  }

  async bindings(exchange: string): Promise<readonly Binding[]> {
    const bytes = await readIfThere(this.#table(exchange));
    if (bytes === undefined || bytes.length === 0) return [];
    const rows = parseTable(bytes);
    if (rows === undefined) throw new ChannelError(`the routing table of exchange ${exchange} is unreadable`);
    return rows;
  }

  async close(): Promise<void> {
    await this.#inbox.close();
    if (this.#outbox !== this.#inbox) await this.#outbox.close();
  }

  async #waiting(queue: string): Promise<string[]> {
    return (await this.#inbox.list()).filter((name) => afterFirstDot(name) === `${queue}.msg`);
  }

  #table(exchange: string): string {
    if (!EXCHANGE_NAME.test(exchange)) {
      throw new ChannelError(
        `Invalid exchange name '${exchange.slice(0, 100)}': the filesystem broker takes letters, digits, '.', '_' and '-'`,
      );
    }
    return `${this.#folders.control}/${exchange}.exchange`;
  }
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

/** kombu 5.7 knows a message's queue by what follows the first dot; ours never has one before it. */
function afterFirstDot(name: string): string {
  const dot = name.indexOf('.');
  return dot < 0 ? '' : name.slice(dot + 1);
}

function checkQueueName(queue: string): void {
  const safe = queue !== '' && queue.length <= LONGEST_QUEUE_NAME && !/[/\\\0]/.test(queue);
  if (!safe)
    throw new ChannelError(
      `Invalid queue name '${queue.slice(0, 100)}': a queue is part of a file's name here, up to ${LONGEST_QUEUE_NAME} characters without slashes`,
    );
}

function lostClaim(): ConnectionError {
  return new ConnectionError('the message went back to its queue while this process was silent; it will be delivered again');
}
