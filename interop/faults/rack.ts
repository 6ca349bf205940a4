/** The servers of a run. Nobody else uses them, so that they may be mistreated. */

import { randomUUID } from 'node:crypto';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { rabbitmqBinary, startRabbitmq } from '../../test/servers/rabbitmq.ts';
import type { RabbitmqNode } from '../../test/servers/rabbitmq.ts';
import { redisBinary, startRedis } from '../../test/servers/redis.ts';
import type { RedisNode } from '../../test/servers/redis.ts';

const VHOSTS = ['/', 'ours', 'python'];

/** Two RabbitMQ nodes, the second when it is first asked for, and Redis. */
export class Rack implements AsyncDisposable {
  /** Password of broker and store: no output may have it. */
  readonly canary: string = `canary-${randomUUID()}`;
  readonly #started: AsyncDisposable[] = [];
  readonly #folder = mkdtemp(join(tmpdir(), 'tq-rack-'));
  #nodes: Partial<Record<'shared' | 'own', Promise<RabbitmqNode>>> = {};
  #store: Promise<RedisNode> | undefined;

  /** A node with a virtual host for each side. */
  node(kind: 'shared' | 'own'): Promise<RabbitmqNode> {
    return (this.#nodes[kind] ??= this.#startNode());
  }

  /** URL of a virtual host on a node. */
  url(node: RabbitmqNode, vhost: string): string {
    return node.url.replace('guest:guest', `faults:${this.canary}`).replace(/\/\/$/, `/${vhost}`);
  }

  store(): Promise<RedisNode> {
    return (this.#store ??= this.newStore().then((node) => this.#keep(node)));
  }

  /** One that its scenario ends. */
  async newStore(): Promise<RedisNode> {
    return startRedis((await redisBinary()) ?? missing('redis-server'), { password: this.canary });
  }

  async #startNode(): Promise<RabbitmqNode> {
    const path = join(await this.#folder, 'definitions.json');
    const all = { configure: '.*', write: '.*', read: '.*' };
    const definitions = {
      users: [{ name: 'faults', password: this.canary, tags: 'administrator' }],
      vhosts: VHOSTS.map((name) => ({ name })),
      permissions: VHOSTS.map((vhost) => ({ user: 'faults', vhost, ...all })),
    };
    await writeFile(path, JSON.stringify(definitions));
    const binary = (await rabbitmqBinary()) ?? missing('rabbitmq-server');
    return this.#keep(await startRabbitmq(binary, { config: `load_definitions = ${path}` }));
  }

  #keep<T extends AsyncDisposable>(server: T): T {
    this.#started.push(server);
    return server;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await Promise.all(this.#started.map((server) => server[Symbol.asyncDispose]()));
    await rm(await this.#folder, { recursive: true, force: true });
  }
}

function missing(name: string): never {
  throw new Error(`no ${name} to be found: the fault suite starts servers of its own (apt-get or brew)`);
}
