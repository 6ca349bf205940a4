import { utf8Encode } from '../base/bytes.ts';
import { ChannelError, ConnectionError, TqError } from '../base/errors.ts';
import type { Host } from '../base/host.ts';
import { makeFolder, monotonicMs } from '../driver/files.ts';
import { Spool } from '../driver/spool.ts';
import { RoutingTables } from './filesystem-tables.ts';
import type { Transport, TransportOptions } from './transport.ts';
import { VirtualConnection } from './virtual/connection.ts';
import type { Binding } from './virtual/exchange.ts';
import type { Taken, VirtualStore } from './virtual/store.ts';
import { messageOf } from '../base/message-of.ts';

/**
 * kombu's `filesystem://`: message files and routing tables in folders that Python workers on the same machine share.
 * `docs/transports.md` has the layout; `kombu/transport/filesystem.py`.
 */
export const filesystemTransport: Transport = {
  driverType: 'filesystem',
  supports: { priority: false, fanout: true, heartbeat: false },
  connect: async (_url, options) => {
    const store = await openStore(options);
    return new VirtualConnection(store, filesystemTransport, options);
  },
};

interface Parts {
  readonly inbox: Spool;
  readonly outbox: Spool;
  readonly tables: RoutingTables;
  /** Where settled messages are kept, with `store_processed`. */
  readonly processed: string | undefined;
  readonly host: Host;
}

async function openStore({ transportOptions, host, logger, maxBodyBytes }: TransportOptions): Promise<FilesystemStore> {
  const folder = (name: string, fallback: string): string => {
    const value = transportOptions[name] ?? fallback;
    if (typeof value !== 'string' || value === '') throw new ConnectionError(`broker_transport_options.${name} must be a folder's path`);
    return value;
  };
  const folderIn = folder('data_folder_in', 'data_in');
  const folderOut = folder('data_folder_out', 'data_out');
  const control = folder('control_folder', 'control');
  const processed = transportOptions['store_processed'] === true ? folder('processed_folder', 'processed') : undefined;
  const open = (path: string): Promise<Spool> =>
    Spool.open(path, {
      owner: host.uuid(),
      maxBytes: Math.ceil((maxBodyBytes * 4) / 3) + ENVELOPE_BYTES,
      onTrouble: (error) => logger.error(`The broker's folder ${path} is in trouble: ${messageOf(error)}`),
    });
  try {
    for (const path of [folderIn, folderOut, control, processed]) if (path !== undefined) await makeFolder(path);
    const inbox = await open(folderIn);
    const outbox = folderOut === folderIn ? inbox : await open(folderOut);
    return new FilesystemStore({ inbox, outbox, tables: new RoutingTables(control, host), processed, host });
  } catch (error) {
    throw new ConnectionError(`cannot use the broker's folders: ${messageOf(error)}`, { cause: error });
  }
}

/** What an envelope may hold besides its body. */
const ENVELOPE_BYTES = 1024 * 1024;

/** Bytes: a file's name has 255, and what stands before the queue takes some. */
const LONGEST_QUEUE_NAME = 200;

class FilesystemStore implements VirtualStore {
  readonly #parts: Parts;
  #stamp = 0;

  constructor(parts: Parts) {
    this.#parts = parts;
  }

  async push(queue: string, payload: string): Promise<void> {
    checkQueueName(queue);
    const { outbox, host } = this.#parts;
    // kombu sorts by name: a millisecond of its own for each message keeps the order they were sent in.
    this.#stamp = Math.max(monotonicMs(), this.#stamp + 1);
    await onDisk(`add a message to queue ${queue}`, outbox.put(`${this.#stamp}_${host.uuid()}.${queue}.msg`, payload));
  }

  async take(queues: readonly string[], max: number): Promise<readonly Taken[]> {
    const { inbox } = this.#parts;
    const taken: Taken[] = [];
    const wanted = new Map(queues.map((queue) => [`${queue}.msg`, queue]));
    for (const name of await onDisk('list the messages', inbox.list())) {
      if (taken.length >= max) break;
      const queue = wanted.get(afterFirstDot(name));
      if (queue === undefined) continue;
      try {
        const file = await inbox.claim(name);
        if (file === undefined) continue;
        taken.push('text' in file ? { queue, payload: file.text, handle: name } : { queue, payload: '', handle: name, ...file });
      } catch (error) {
        // What is claimed already is delivered; the next call meets the error again.
        if (taken.length === 0) throw new ChannelError(`cannot take ${name}: ${messageOf(error)}`, undefined, { cause: error });
        break;
      }
    }
    return taken;
  }

  async peek(queue: string): Promise<string | undefined> {
    for (const name of await this.#waiting(queue)) {
      const file = await onDisk(`read ${name}`, this.#parts.inbox.peek(name));
      if (file !== undefined) return 'text' in file ? file.text : '';
    }
    return undefined;
  }

  arrival(_queues: readonly string[], signal: AbortSignal): Promise<void> {
    return this.#parts.inbox.changed(signal);
  }

  async settle(taken: Taken): Promise<void> {
    const { inbox, processed } = this.#parts;
    if (!(await onDisk('settle a message', inbox.finish(String(taken.handle), processed)))) throw lostClaim();
  }

  async requeue(taken: Taken, payload: string): Promise<void> {
    const { inbox } = this.#parts;
    if (!(await onDisk('put a message back', inbox.giveBack(String(taken.handle), payload)))) throw lostClaim();
  }

  quarantine(taken: Taken): Promise<void> {
    return onDisk('put a message aside', this.#parts.inbox.reject(String(taken.handle)));
  }

  async size(queue: string): Promise<number> {
    return (await this.#waiting(queue)).length;
  }

  async purge(queue: string): Promise<number> {
    let count = 0;
    for (const name of await this.#waiting(queue)) if (await onDisk('purge', this.#parts.inbox.remove(name))) count += 1;
    return count;
  }

  async deleteQueue(queue: string): Promise<void> {
    await this.purge(queue);
    await onDisk('take a queue out of its exchanges', this.#parts.tables.unbind(queue));
  }

  async bind(exchange: string, binding: Binding): Promise<void> {
    checkQueueName(binding.queue);
    await onDisk(`bind queue ${binding.queue}`, this.#parts.tables.bind(exchange, binding));
  }

  bindings(exchange: string): Promise<readonly Binding[]> {
    return onDisk(`read the routing table of ${exchange}`, this.#parts.tables.rows(exchange));
  }

  async close(): Promise<void> {
    const { inbox, outbox } = this.#parts;
    await onDisk('close the broker', inbox.close());
    if (outbox !== inbox) await onDisk('close the broker', outbox.close());
  }

  async #waiting(queue: string): Promise<string[]> {
    return (await onDisk('list the messages', this.#parts.inbox.list())).filter((name) => afterFirstDot(name) === `${queue}.msg`);
  }
}

/** The file system's errors as kombu reports them: errors of the channel, which lives on. */
async function onDisk<T>(what: string, operation: Promise<T>): Promise<T> {
  try {
    return await operation;
  } catch (error) {
    if (error instanceof TqError) throw error;
    throw new ChannelError(`cannot ${what}: ${messageOf(error)}`, undefined, { cause: error });
  }
}

/** kombu 5.7 knows a message's queue by what follows the first dot; ours never has one before it. */
function afterFirstDot(name: string): string {
  const dot = name.indexOf('.');
  return dot < 0 ? '' : name.slice(dot + 1);
}

function checkQueueName(queue: string): void {
  const safe = queue !== '' && utf8Encode(queue).length <= LONGEST_QUEUE_NAME && !/[/\\\0]/.test(queue);
  if (!safe)
    throw new ChannelError(
      `Invalid queue name '${queue.slice(0, 100)}': a queue is part of a file's name here, up to ${LONGEST_QUEUE_NAME} bytes without slashes`,
    );
}

function lostClaim(): ConnectionError {
  return new ConnectionError('the message went back to its queue while this process was silent; it will be delivered again');
}
