/** Where a scenario's messages are: over a proxy to a virtual host of a node, or in a folder. */

import { existsSync, mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import amqp from 'amqplib';
import { faultProxy } from '../../test/servers.ts';
import type { FaultProxy } from '../../test/servers.ts';

/** How a scenario reaches its broker, from both ends. */
export interface Place extends AsyncDisposable {
  /** For the sender, past the proxy. */
  readonly url: string;
  /** For the worker. */
  readonly workerUrl: string;
  /** Settings that go with the URL. */
  readonly conf: Readonly<Record<string, unknown>>;
  /** Throws where there is no link to mistreat. */
  readonly link: FaultProxy;
  /** Messages ready in a queue and who consumes it; `undefined` when it is not there. */
  look(queue: string): Promise<{ readonly messages: number; readonly consumers: number } | undefined>;
  /** Deletes a queue. */
  remove(queue: string): Promise<void>;
  /** Takes what is in a queue, and resolves to the ids of the tasks. */
  drain(queue: string): Promise<Set<string>>;
}

/** What a broker of which somebody has taken leave may need to give messages back. */
const GOODBYE_MS = 700;

/** A virtual host: `url` is the node's own. */
export async function amqpPlace(url: string): Promise<Place> {
  const link = await faultProxy(url);
  const use = async <T>(work: (channel: amqp.Channel) => Promise<T>): Promise<T> => {
    const connection = await amqp.connect(url);
    connection.on('error', () => undefined);
    try {
      const channel = await connection.createChannel();
      channel.on('error', () => undefined);
      return await work(channel);
    } finally {
      await connection.close().catch(() => undefined);
    }
  };
  return {
    url,
    workerUrl: link.url,
    conf: {},
    link,
    look: (queue) =>
      use((channel) => channel.checkQueue(queue)).then(
        ({ messageCount, consumerCount }) => ({ messages: messageCount, consumers: consumerCount }),
        () => undefined,
      ),
    remove: async (queue) => void (await use((channel) => channel.deleteQueue(queue))),
    drain: async (queue) => {
      await sleep(GOODBYE_MS);
      return use((channel) => take(channel, queue));
    },
    [Symbol.asyncDispose]: () => link[Symbol.asyncDispose](),
  };
}

async function take(channel: amqp.Channel, queue: string): Promise<Set<string>> {
  const ids = new Set<string>();
  await channel.assertQueue(queue, { durable: true });
  for (;;) {
    const message = await channel.get(queue, { noAck: true });
    if (message === false) break;
    ids.add(String(message.properties.headers?.['id']));
  }
  await channel.deleteQueue(queue);
  return ids;
}

/** A folder of messages. */
export function folderPlace(): Place {
  const root = mkdtempSync(join(tmpdir(), 'tq-faults-'));
  const [data, control] = [join(root, 'data'), join(root, 'control')];
  for (const folder of [data, control]) mkdirSync(folder);
  const files = (queue: string): string[] =>
    readdirSync(data, { recursive: true, encoding: 'utf8' }).filter((name) => name.endsWith(`.${queue}.msg`));
  const idOf = (name: string): string =>
    String((JSON.parse(readFileSync(join(data, name), 'utf8')) as { readonly headers?: { readonly id?: unknown } }).headers?.id);
  return {
    url: 'filesystem://',
    workerUrl: 'filesystem://',
    conf: { broker_transport_options: { data_folder_in: data, data_folder_out: data, control_folder: control } },
    get link(): never {
      throw new Error('a folder has no link');
    },
    look: (queue) => Promise.resolve(existsSync(data) ? { messages: files(queue).length, consumers: 0 } : undefined),
    remove: () => Promise.reject(new Error('a folder has no queues')),
    drain: (queue) => Promise.resolve(new Set(files(queue).map(idOf))),
    [Symbol.asyncDispose]: () => Promise.resolve(rmSync(root, { recursive: true, force: true })),
  };
}
