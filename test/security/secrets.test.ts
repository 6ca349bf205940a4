import { inspect } from 'node:util';
import { describe, expect, test } from 'vitest';
import { parseBrokerUrl, parseBrokerUrls } from '../../src/base/broker-url.ts';
import { redisLogin } from '../../src/backend/redis-url.ts';
import { Celery } from '../../src/celery.ts';
import { silentLogger } from '../../src/base/logger.ts';

const SECRET = 'c4nary';

/** URLs as people write them: well escaped, not escaped, in lists, with secrets in the query. */
const URLS = [
  `amqp://user:${SECRET}@127.0.0.1:1//`,
  `amqp://user:%63${SECRET}%40@127.0.0.1:1//`,
  `amqp://user:12/${SECRET}@127.0.0.1:1//`,
  `amqp://user:12?${SECRET}@127.0.0.1:1//`,
  `amqp://user:12?x=${SECRET}@127.0.0.1:1//`,
  `amqp://user:${SECRET}#x@127.0.0.1:1//`,
  `amqp://user:${SECRET}@x@127.0.0.1:1//`,
  `amqp://user:/${SECRET}@127.0.0.1:1//`,
  `amqp://user:99999/${SECRET}@h`,
  `amqp://user:${SECRET}@127.0.0.1:99999//`,
  `amqp://user:${SECRET}@127.0.0.1:port//`,
  `amqp://user:${SECRET}@[::1//`,
  `amqp://127.0.0.1:1//;amqp://user:${SECRET}@127.0.0.1:1//`,
  `amqp://user:${SECRET}@127.0.0.1:1//;amqp://user:${SECRET}@127.0.0.1:x//`,
  `amqp://127.0.0.1:1//?password=${SECRET}`,
  `nobody://user:${SECRET}@h`,
  `user:${SECRET}@h`,
  `//user:${SECRET}@h`,
  `redis://:${SECRET}@127.0.0.1:1/x`,
  `redis://:12/${SECRET}@127.0.0.1:1/0`,
  `redis://:12?${SECRET}@127.0.0.1:1/0`,
  `redis://:${SECRET}@127.0.0.1:1/0?nobody=1`,
  `redis://127.0.0.1:1/0?password=${SECRET}`,
  `redis+socket://:${SECRET}@/tmp/no-such-socket?virtual_host=x`,
  `rediss://:${SECRET}@127.0.0.1:1/0?ssl_keyfile=/no/such/key`,
];

/** All that a log, a debugger or an error tracker would show of it. */
function shown(value: unknown): string {
  const stack = value instanceof Error ? `${value.message}\n${value.stack}` : '';
  return `${stack}\n${inspect(value, { depth: 12, showHidden: true, maxStringLength: null })}`;
}

async function outcome(run: () => unknown): Promise<unknown> {
  try {
    return await run();
  } catch (error) {
    return error;
  }
}

describe.each(URLS)('%s', (url) => {
  test('is masked, and no error about it shows the secret', async () => {
    const masked = await outcome(() => parseBrokerUrls(url).map((one) => one.masked));
    const login = await outcome(() => void redisLogin(parseBrokerUrl(url)));

    expect(shown(masked)).not.toContain(SECRET);
    expect(shown(login)).not.toContain(SECRET);
  });

  test('as a broker: neither errors nor lines nor the app show it', async () => {
    const lines: string[] = [];
    const write = (line: string): void => void lines.push(line);
    const logger = { ...silentLogger, debug: write, info: write, warning: write, error: write, critical: write, isEnabled: () => true };
    const made = await outcome(() => new Celery('secrets', { broker_url: url, task_publish_retry: false }));
    expect(shown(made)).not.toContain(SECRET);
    if (!(made instanceof Celery)) return;
    made.setLogger(logger);

    expect(shown(await outcome(() => made.brokerLabel))).not.toContain(SECRET);
    const failure = await outcome(() => made.sendTask('t'));
    expect(failure).toBeInstanceOf(Error);
    expect(shown(failure)).not.toContain(SECRET);
    expect(shown(made)).not.toContain(SECRET);
    expect(lines.join('\n')).not.toContain(SECRET);
    await made.close();
  });

  test('as a result backend: neither errors nor lines show it', async () => {
    const lines: string[] = [];
    const write = (line: string): void => void lines.push(line);
    const logger = { ...silentLogger, warning: write, error: write, isEnabled: () => true };
    const made = await outcome(() => new Celery('secrets', { broker_url: 'memory://', result_backend: url }));
    expect(shown(made)).not.toContain(SECRET);
    if (!(made instanceof Celery)) return;
    made.setLogger(logger);

    expect(shown(await outcome(() => made.backendLabel))).not.toContain(SECRET);
    const failure = await outcome(() => made.asyncResult('id').get({ timeout: 0.05 }));
    expect(failure).toBeInstanceOf(Error);
    expect(shown(failure)).not.toContain(SECRET);
    expect(lines.join('\n')).not.toContain(SECRET);
    await made.close();
  });
});
