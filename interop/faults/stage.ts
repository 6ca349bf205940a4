/** One side's half of a scenario: its queue, its links, its worker, and what is sent to it. */

import { randomUUID } from 'node:crypto';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { Celery } from '../../src/celery.ts';
import type { SendOptions } from '../../src/app/options.ts';
import { faultProxy } from '../../test/servers.ts';
import type { Child, FaultProxy } from '../../test/servers.ts';
import type { RabbitmqNode } from '../../test/servers/rabbitmq.ts';
import type { RedisNode } from '../../test/servers/redis.ts';
import type { FaultCase } from './case.ts';
import { readLedger } from './ledger.ts';
import type { Entry } from './ledger.ts';
import { amqpPlace, folderPlace } from './place.ts';
import type { Place } from './place.ts';
import type { Rack } from './rack.ts';
import type { Side } from './side.ts';

/** What both workers are set to, over which a case sets its own. */
const CONF = { worker_concurrency: 2, worker_prefetch_multiplier: 4, result_expires: 3600 };
const PATIENCE = 30;
const POLL_MS = 25;
const READY = /ready\./;

/** How tasks are sent. */
export interface Sending extends Pick<SendOptions, 'countdown' | 'link' | 'timeLimit'> {
  /** Acknowledged late. */
  readonly late?: boolean;
  /** What the task does besides sleeping. */
  readonly how?: string;
  /** An argument of this many bytes. */
  readonly bytes?: number;
}

/** A worker that was started, and whether the scenario has ended it. */
interface Started {
  readonly child: Child;
  meant: boolean;
}

/** How a stage is set up. */
interface StageParts {
  readonly given: FaultCase;
  readonly side: Side;
  readonly rack: Rack;
  readonly node: RabbitmqNode | undefined;
  readonly redis: RedisNode;
  readonly place: Place;
  readonly storeLink: FaultProxy;
}

export class Stage implements AsyncDisposable {
  readonly queue: string;
  /** Ids that the broker has confirmed, or that tasks have sent. */
  readonly sent: string[] = [];
  /** What is worth telling of this side. */
  readonly notes: string[] = [];
  /** What ours was to hold to and did not. */
  readonly broken: string[] = [];
  readonly workers: Started[] = [];
  readonly #parts: StageParts;
  readonly #folder = mkdtempSync(join(tmpdir(), 'tq-ledger-'));
  readonly #client: Celery;

  private constructor(parts: StageParts) {
    this.#parts = parts;
    this.queue = `${parts.given.id}-${parts.side.name}-${randomUUID()}`;
    this.#client = new Celery('bench', {
      broker_url: parts.place.url,
      result_backend: this.#results(parts.redis.url),
      task_default_queue: this.queue,
      ...parts.place.conf,
    });
  }

  static async open(given: FaultCase, side: Side, rack: Rack): Promise<Stage> {
    const kind = given.broker ?? 'shared';
    const node = kind === 'filesystem' ? undefined : await rack.node(kind);
    const place = node === undefined ? folderPlace() : await amqpPlace(rack.url(node, side.name));
    const redis = given.store === 'own' ? await rack.newStore() : await rack.store();
    return new Stage({ given, side, rack, node, redis, place, storeLink: await faultProxy(redis.url) });
  }

  /** The URL of the result backend, `redis` where that is one. */
  #results(redis: string): string {
    const kind = this.#parts.given.results ?? 'redis';
    return { redis, rpc: 'rpc://', file: `file://${this.#folder}` }[kind];
  }

  get side(): Side['name'] {
    return this.#parts.side.name;
  }

  /** The worker's way to its broker. */
  get link(): FaultProxy {
    return this.#parts.place.link;
  }

  /** The worker's way to its result store. */
  get storeLink(): FaultProxy {
    return this.#parts.storeLink;
  }

  /** The links are as they were, whatever the scenario has left. */
  heal(): void {
    const links = this.#parts.node === undefined ? [this.storeLink] : [this.link, this.storeLink];
    for (const link of links) {
      link.refuse(false);
      link.freeze(false);
      link.mute(false);
      link.slowAnswers(0);
    }
  }

  get place(): Place {
    return this.#parts.place;
  }

  /** The broker itself. */
  get node(): RabbitmqNode {
    if (this.#parts.node === undefined) throw new Error('a folder is no node');
    return this.#parts.node;
  }

  get redis(): RedisNode {
    return this.#parts.redis;
  }

  get client(): Celery {
    return this.#client;
  }

  get ledger(): string {
    return join(this.#folder, 'ledger');
  }

  entries(what: Entry['what']): Entry[] {
    return readLedger(this.ledger).filter((entry) => entry.what === what);
  }

  /** The last worker started. Throws when there is none. */
  get worker(): Started {
    const worker = this.workers.at(-1);
    if (worker === undefined) throw new Error('no worker was started');
    return worker;
  }

  /** Its process id, which is its group's too. */
  get pid(): number {
    return this.worker.child.pid;
  }

  /** Starts a worker, after the last one where there was one. */
  async start({ ready = READY, dies = true }: { readonly ready?: RegExp; readonly dies?: boolean } = {}): Promise<void> {
    const { given, side, place } = this.#parts;
    const env = {
      TQ_BROKER: place.workerUrl,
      TQ_BACKEND: this.#results(this.storeLink.url),
      TQ_QUEUE: this.queue,
      TQ_LEDGER: this.ledger,
      TQ_CONF: JSON.stringify({ ...CONF, ...place.conf, ...given.conf }),
      ...(dies && given.diesAt !== undefined ? { TQ_DIES_AT: given.diesAt } : {}),
      ...(side.name === 'ours' ? given.env : {}),
    };
    const child = await side.start({ node: `${given.id}@here`, pool: given.pool ?? 'async', env, ready });
    this.workers.push({ child, meant: false });
  }

  /** Sends tasks in order, past the proxy; those that the broker has confirmed count. Resolves to their ids. */
  async send(count: number, seconds: number, { late = false, how = '', bytes, ...options }: Sending = {}): Promise<string[]> {
    const first = this.sent.length;
    const ids = Array.from({ length: count }, (_item, index) => `${this.queue}-${first + index}`);
    const load = bytes === undefined ? [] : ['x'.repeat(bytes)];
    const sends = await Promise.allSettled(
      ids.map((id) => this.#client.sendTask(late ? 'f.late' : 'f.early', [id, seconds, how, ...load], { taskId: id, ...options })),
    );
    const confirmed = ids.filter((_id, index) => sends[index]?.status === 'fulfilled');
    this.sent.push(...confirmed);
    return confirmed;
  }

  /** Seconds until a task that is sent now has run; `undefined` when it has not within `seconds`. It counts nowhere. */
  async probe(seconds: number): Promise<number | undefined> {
    const id = `probe-${randomUUID()}`;
    const began = performance.now();
    try {
      await this.#client.sendTask('f.early', [id, 0], { taskId: id });
      await this.until('the probe', () => this.entries('end').some((entry) => entry.id === id), seconds);
    } catch {
      return undefined;
    }
    return (performance.now() - began) / 1000;
  }

  /** Waits for something. Throws an `Error` that names it when it does not come, or when the worker has died meanwhile. */
  async until(what: string, condition: () => boolean | Promise<boolean>, seconds: number = PATIENCE): Promise<void> {
    const deadline = performance.now() + seconds * 1000;
    while (!(await condition())) {
      const last = this.workers.at(-1);
      if (last?.child.exited() === true && !last.meant) throw new Error(`the worker died before ${what}`);
      if (performance.now() > deadline) throw new Error(`${what} did not come within ${seconds} s`);
      await sleep(POLL_MS);
    }
  }

  started(count: number): Promise<void> {
    return this.until(`${count} starts`, () => this.entries('start').length >= count);
  }

  ended(count: number, seconds?: number): Promise<void> {
    return this.until(`${count} ends`, () => this.entries('end').length >= count, seconds);
  }

  /** Waits until the worker has printed something. */
  says(text: RegExp, seconds?: number): Promise<void> {
    return this.until(String(text), () => text.test(this.worker.child.output()), seconds);
  }

  /** How often it has printed something. */
  times(text: RegExp): number {
    return this.workers.reduce((sum, { child }) => sum + (child.output().match(new RegExp(text, 'g'))?.length ?? 0), 0);
  }

  /** Signals the worker's main process, which may end by it. */
  signal(name: NodeJS.Signals): void {
    this.worker.meant = true;
    if (!this.worker.child.exited()) process.kill(this.pid, name);
  }

  /** Kills the worker and its children. */
  async kill(): Promise<void> {
    this.worker.meant = true;
    await this.worker.child.stop('SIGKILL');
  }

  /** Waits for the end of the worker; resolves to its exit code and how long that took. */
  async gone(seconds: number = PATIENCE): Promise<{ readonly code: number | null; readonly seconds: number }> {
    this.worker.meant = true;
    const began = performance.now();
    const { child } = this.worker;
    await this.until('the end of the worker', () => child.exited(), seconds);
    return { code: await child.exitCode, seconds: (performance.now() - began) / 1000 };
  }

  /** What is stored of a task, past the proxy. */
  state(id: string): Promise<string> {
    return this.#client.asyncResult(id).state();
  }

  /** Something ours must hold to; of Python it is told where it does not. */
  hold(what: string, holds: boolean): void {
    if (!holds) this.fail(`not so: ${what}`);
  }

  /** Something that must not happen to ours; of Python it is told. */
  fail(what: string): void {
    this.broken.push(what);
    if (this.side === 'python') this.say(what.split('\n', 1)[0] ?? '');
  }

  /** A note in this side's column. */
  say(text: string): void {
    this.notes.push(text);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    const { place, storeLink, redis, given } = this.#parts;
    for (const { child } of this.workers) await child.stop('SIGKILL');
    await this.#client.close();
    await place[Symbol.asyncDispose]();
    await storeLink[Symbol.asyncDispose]();
    if (given.store === 'own') await redis.stop();
    rmSync(this.#folder, { recursive: true, force: true });
  }
}
