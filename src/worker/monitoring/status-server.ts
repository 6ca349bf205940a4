import type { Page, PageAddress, Pages, PageServer } from '../../base/pages.ts';
import { servePages } from '../../driver/page-server.ts';
import type { Step } from '../steps.ts';
import type { Worker } from '../worker.ts';
import type { Health } from './health.ts';

/** Serves what a monitor asks for as long as the worker lives: from before its first step to after its last. */
export class StatusServer implements Step<Worker> {
  readonly name: string;
  readonly #pages: Pages;
  readonly #address: PageAddress;
  #server: PageServer | undefined;

  constructor(name: string, pages: Pages, address: PageAddress) {
    this.name = name;
    this.#pages = pages;
    this.#address = address;
  }

  serves(path: string): boolean {
    return Object.hasOwn(this.#pages, path);
  }

  /** Where it listens, once it does. */
  get port(): number | undefined {
    return this.#server?.port;
  }

  /** Rejects with `ImproperlyConfiguredError` when it cannot listen. */
  async start({ logger }: Worker): Promise<void> {
    this.#server = await servePages(this.#pages, this.#address);
    logger.info(`Serving ${Object.keys(this.#pages).join(', ')} on port ${this.#server.port}`);
  }

  async stop(): Promise<void> {
    await this.#server?.close();
    this.#server = undefined;
  }
}

/**
 * `/healthz`: to be restarted unless 200. `/readyz`: to be counted on while 200. They differ in a worker that stops: it is
 * no more to be counted on, and is left alone with the tasks that it finishes.
 */
export function healthPages(health: () => Health): Pages {
  return {
    '/healthz': () => healthPage(health(), ['ok', 'stopping']),
    '/readyz': () => healthPage(health(), ['ok']),
  };
}

function healthPage(health: Health, good: readonly Health['status'][]): Page {
  const status = good.includes(health.status) ? 200 : 503;
  return { status, contentType: 'application/json', body: `${JSON.stringify(health)}\n` };
}
