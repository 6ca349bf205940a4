/** Putting files before one kind of worker, and seeing where each ends. */

import { execFileSync } from 'node:child_process';
import { randomUUID } from 'node:crypto';
import { existsSync, mkdirSync, mkdtempSync, readdirSync, renameSync, rmSync, symlinkSync, utimesSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Redis } from 'ioredis';
import { Celery } from '../../src/celery.ts';
import type { Cases, Ends } from './case.ts';
import type { FileCase } from './files.ts';
import type { Place, Running, Workers } from './workers.ts';

/** Seconds after which a worker that is alive counts as hung. */
const PATIENCE = 10;
const PROBE =
  '{"body":"W1tdLHt9LHt9XQ==","content-encoding":"utf-8","content-type":"application/json","headers":{"task":"h.probe","id":"ID"},' +
  '"properties":{"body_encoding":"base64","delivery_tag":"p","delivery_info":{"exchange":"","routing_key":"q"}}}';

/** A broker that is a folder. */
export class FolderBench implements AsyncDisposable {
  readonly #root = mkdtempSync(join(tmpdir(), 'tq-hostile-'));
  readonly #store: Redis;
  readonly #client: Celery;
  readonly #backend: string;
  #count = 0;

  constructor(backend: string) {
    this.#backend = backend;
    this.#store = new Redis(backend);
    this.#client = new Celery('bench', { broker_url: 'memory://', result_backend: backend });
    for (const name of ['data', 'control']) mkdirSync(join(this.#root, name));
    writeFileSync(join(this.#root, 'elsewhere'), 'a secret of somebody else');
  }

  /** Where workers connect to; `more` are options of the transport. */
  place(more: Readonly<Record<string, unknown>> = {}): Place {
    const data = join(this.#root, 'data');
    const options = { data_folder_in: data, data_folder_out: data, control_folder: join(this.#root, 'control'), ...more };
    return { broker: 'filesystem://', backend: this.#backend, conf: { broker_transport_options: options } };
  }

  /** Puts every case in turn before a worker. */
  async run(workers: Workers, cases: Cases<FileCase>): Promise<Record<string, Ends>> {
    const ends: Record<string, Ends> = {};
    for (const [title, given] of Object.entries(cases)) {
      ends[title] = await this.#one(await workers.living(), given);
      if (ends[title] === 'hung') await workers.retire('SIGKILL');
    }
    return ends;
  }

  async #one({ child, queue }: Running, given: FileCase): Promise<Ends> {
    const id = given.contents?.includes('"../../x"') === true ? '../../x' : randomUUID();
    await this.#store.del(`ran:${queue}`, `celery-task-meta-${id}`);
    const name = this.#put(queue, given, id);
    const probe = randomUUID();
    this.#put(queue, { contents: PROBE, ours: 'ran', python: 'ran' }, probe);
    const answered = await Promise.race([
      this.#client
        .asyncResult(probe)
        .get({ timeout: PATIENCE })
        .then(
          () => true,
          () => false,
        ),
      child.exitCode.then(() => false),
    ]);
    if (child.exited()) return 'crash';
    if (!answered) return 'hung';
    if (existsSync(join(this.#root, 'data/.tq-bridge/rejected', name))) return 'aside';
    const state = await this.#client.asyncResult(id).state();
    if ((await this.#store.get(`ran:${queue}`)) !== null) return state === 'SUCCESS' ? 'ran' : 'unstored';
    // There is no dead-letter queue here: what was rejected is gone, and only the log tells.
    if (state === 'FAILURE') return 'refused';
    return /Refusing|unknown message/.test(child.output()) ? 'rejected' : 'lost';
  }

  #put(queue: string, { contents = '', instead }: FileCase, id: string): string {
    this.#count += 1;
    const name = `${String(this.#count).padStart(8, '0')}_${randomUUID()}.${queue}.msg`;
    const path = join(this.#root, 'data', name);
    if (instead === 'folder') mkdirSync(path);
    else if (instead === 'link') symlinkSync(join(this.#root, 'elsewhere'), path);
    else if (instead === 'pipe') execFileSync('mkfifo', [path]);
    else {
      const fresh = join(this.#root, 'fresh');
      writeFileSync(fresh, typeof contents === 'string' ? contents.replace('"ID"', JSON.stringify(id)) : contents);
      // Nobody is writing it any more.
      utimesSync(fresh, new Date(0), new Date(0));
      renameSync(fresh, path);
    }
    return name;
  }

  /** Files that were put aside. */
  aside(): number {
    return readdirSync(join(this.#root, 'data/.tq-bridge/rejected')).length;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#store.disconnect();
    await this.#client.close();
    rmSync(this.#root, { recursive: true, force: true });
  }
}
