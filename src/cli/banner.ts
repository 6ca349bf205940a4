import { arch, platform, release } from 'node:os';
import type { Queue } from '../routing/queue.ts';

/** What the start-up banner tells; URLs already masked. */
export interface BannerFacts {
  readonly hostname: string;
  readonly version: string;
  readonly appName: string;
  readonly transport: string;
  readonly results: string;
  readonly concurrency: number;
  readonly pool: string;
  readonly taskEvents: boolean;
  readonly queues: readonly Queue[];
  /** Celery lists them from INFO on. */
  readonly tasks: readonly string[] | undefined;
}

/** Celery's start-up banner: the same sections and keys (`celery/apps/worker.py`), so that operators find what they know. */
export function banner(facts: BannerFacts): string {
  const lines = [
    '',
    ` -------------- ${facts.hostname} v${facts.version} (tq-bridge, Node ${process.versions.node})`,
    ` ${platform()}-${release()}-${arch()}`,
    '',
    '[config]',
    `.> app:         ${facts.appName}`,
    `.> transport:   ${facts.transport}`,
    `.> results:     ${facts.results}`,
    `.> concurrency: ${facts.concurrency} (${facts.pool})`,
    `.> task events: ${facts.taskEvents ? 'ON' : 'OFF (enable -E to monitor tasks in this worker)'}`,
    '',
    '[queues]',
    ...facts.queues.map(
      (queue) => `.> ${queue.name.padEnd(16)} exchange=${queue.exchange.name}(${queue.exchange.type}) key=${queue.routingKey}`,
    ),
    '',
    ...(facts.tasks === undefined ? [] : ['[tasks]', ...facts.tasks.toSorted().map((name) => `  . ${name}`), '']),
  ];
  return lines.join('\n');
}
