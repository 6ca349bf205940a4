/** Sending cases over AMQP to one kind of worker, and seeing where each ends. */

import { randomUUID } from 'node:crypto';
import amqp from 'amqplib';
import { Redis } from 'ioredis';
import { Celery } from '../../src/celery.ts';
import type { AmqpCase, Cases, Ends } from './case.ts';
import { idOf } from './case.ts';
import { endOf } from './judge.ts';
import { publishCase, takesFromDead } from './send.ts';
import type { Place, Running, Workers } from './workers.ts';

/** The good task behind each message. */
export const PROBE: AmqpCase = { headers: { task: 'h.probe' }, body: '[[],{},{}]', ours: 'ran', python: 'ran' };
/** Seconds after which a worker that is alive counts as hung. */
const PATIENCE = 15;
/** How long a trace that is expected may take to appear behind the probe. */
const LATE_MS = 1500;

/** Looks at the broker and the result store from outside. */
export class AmqpBench implements AsyncDisposable {
  readonly #connection: amqp.ChannelModel;
  readonly #channel: amqp.ConfirmChannel;
  readonly #store: Redis;
  readonly #client: Celery;
  readonly #place: Place;

  private constructor(place: Place, connection: amqp.ChannelModel, channel: amqp.ConfirmChannel) {
    this.#place = place;
    this.#connection = connection;
    this.#channel = channel;
    this.#store = new Redis(place.backend);
    this.#client = new Celery('bench', { broker_url: place.broker, result_backend: place.backend });
  }

  static async open(place: Place): Promise<AmqpBench> {
    const connection = await amqp.connect(place.broker);
    return new AmqpBench(place, connection, await connection.createConfirmChannel());
  }

  /** Sends every case in turn; `column` says which end is expected, so that it can be waited for. */
  async run(workers: Workers, cases: Cases, column: 'ours' | 'python', probe: AmqpCase = PROBE): Promise<Record<string, Ends>> {
    const ends: Record<string, Ends> = {};
    for (const [title, given] of Object.entries(cases)) {
      ends[title] = await this.#one(await workers.living(), given, given[column], probe);
      // Held messages would widen the prefetch of all that follows; a worker that hangs takes nothing any more.
      if (column === 'python' && (ends[title] === 'held' || ends[title] === 'hung')) await workers.retire('SIGKILL');
    }
    return ends;
  }

  /** Messages waiting in a queue. */
  async waiting(queue: string): Promise<number> {
    return (await this.#channel.checkQueue(queue)).messageCount;
  }

  async #one({ child, queue }: Running, given: AmqpCase, expected: Ends, probeCase: AmqpCase): Promise<Ends> {
    const dead = `${queue}${this.#place.dead}`;
    await this.#channel.assertQueue(dead, { durable: true });
    await this.#channel.purgeQueue(dead);
    await this.#store.del(`ran:${queue}`);
    const id = idOf(given, randomUUID());
    const probe = randomUUID();
    const body = await publishCase(this.#channel, queue, given, id);
    await publishCase(this.#channel, queue, probeCase, probe);
    const answer = this.#client.asyncResult(probe).get({ timeout: PATIENCE });
    const answered = await Promise.race([
      answer.then(
        () => true,
        () => false,
      ),
      child.exitCode.then(() => false),
    ]);
    let isDead = false;
    const until = performance.now() + LATE_MS;
    for (;;) {
      isDead ||= await takesFromDead(this.#channel, dead, body);
      const end = endOf(
        {
          crashed: child.exited(),
          answered,
          ran: (await this.#store.get(`ran:${queue}`)) !== null,
          dead: isDead,
          state: await this.#client.asyncResult(id).state(),
        },
        given,
      );
      if (end === expected || performance.now() > until || child.exited()) return end;
    }
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#store.disconnect();
    await this.#client.close();
    await this.#connection.close();
  }
}
