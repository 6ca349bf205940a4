/** The worker of our column: the same as `worker.py`, in the same environment. */

import { Redis } from 'ioredis';
import { Celery } from 'tq-bridge';

const { TQ_BROKER = '', TQ_BACKEND = '', TQ_QUEUE = '', TQ_DEAD, TQ_CONF = '{}' } = process.env;
const store = new Redis(TQ_BACKEND);
const deadLetters = { 'x-dead-letter-exchange': '', 'x-dead-letter-routing-key': TQ_DEAD };

export const app: Celery = new Celery('hostile', {
  broker_url: TQ_BROKER,
  result_backend: TQ_BACKEND,
  task_queues: [{ name: TQ_QUEUE, ...(TQ_DEAD === undefined ? {} : { queue_arguments: deadLetters }) }],
  task_default_queue: TQ_QUEUE,
  worker_prefetch_multiplier: 1,
  ...(JSON.parse(TQ_CONF) as Readonly<Record<string, unknown>>),
});

if (app.settings.security_key !== null) app.setupSecurity();

app.task('h.ok', { params: ['x', 'y'] }, async () => {
  await store.incr(`ran:${TQ_QUEUE}`);
});

app.task('h.probe', () => null);
