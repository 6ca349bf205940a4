/** The app of the pool benchmarks: children import this module. */
import { pbkdf2Sync } from 'node:crypto';
import { Celery } from 'tq-bridge';

const results = process.env['BENCH_RESULTS'] ?? '';

export const app: Celery = new Celery('bench', {
  broker_url: process.env['BENCH_BROKER'] ?? '',
  ...(results === '' ? { task_ignore_result: true } : { result_backend: results }),
  worker_proc_alive_timeout: 30,
});

app.task('bench.noop', () => null);

// OpenSSL's code on both sides: about as many milliseconds in Python.
app.task('bench.cpu', () => {
  pbkdf2Sync('password', 'salt', 5_000, 32, 'sha256');
  return null;
});

app.task('bench.sleep', () => new Promise((resolve) => setTimeout(resolve, 2_000)));
