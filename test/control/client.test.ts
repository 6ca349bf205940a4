import { expect, onTestFinished, test, vi } from 'vitest';
import { ConnectionError } from '../../src/base/errors.ts';
import { ControlClient } from '../../src/control/client.ts';
import type { Channel } from '../../src/transport/transport.ts';
import { harness } from '../worker/harness.ts';

const h = harness({ task_default_queue: 'q' });
const NODE = 'w1@here';

/** A client of the harness's broker; `open` makes its channels: first the one for answers, then the one for requests. */
function clientWith(open: (next: () => Promise<Channel>, index: number) => Promise<Channel>): ControlClient {
  let opened = 0;
  const { app } = h;
  const openChannel = (): Promise<Channel> => open(() => h.broker(), opened++);
  return new ControlClient({ post: app.controlPost(), uuid: () => app.host.uuid(), now: () => app.host.now(), openChannel });
}

// An answer that nobody waits for any more would be an unhandled rejection, which ends the run.
test('a broker that goes before a request is sent is one error', async () => {
  const channels: Channel[] = [];
  const client = clientWith(async (next, index) => {
    if (index > 0) {
      await Promise.all(channels.map((channel) => channel.close()));
      throw new ConnectionError('the broker is gone');
    }
    const channel = await next();
    channels.push(channel);
    return channel;
  });

  await expect(client.call('ping', { timeout: 60 })).rejects.toThrow('the broker is gone');
});

test('a broker that goes while answers are waited for is an error at once', async () => {
  const channels: Channel[] = [];
  const client = clientWith(async (next) => {
    const channel = await next();
    channels.push(channel);
    return channel;
  });
  const asked = client.call('ping', { timeout: 60 });
  const failed = expect(asked).rejects.toThrow(ConnectionError);
  await expect.poll(() => channels.length).toBe(2);
  await channels[0]?.close();

  await failed;
});

test('the time to wait begins when the request is sent', async () => {
  await h.start({ hostname: NODE });
  vi.useFakeTimers({ toFake: ['setTimeout', 'clearTimeout'] });
  onTestFinished(() => void vi.useRealTimers());
  const client = clientWith(async (next, index) => {
    // Time passes while the channel opens.
    if (index > 0) vi.advanceTimersByTime(2500);
    return next();
  });

  expect(await client.call('ping', { timeout: 2, limit: 1 })).toEqual([{ [NODE]: { ok: 'pong' } }]);
  await client.close();
});

test('what a callback of answers throws is the caller’s', async () => {
  await h.start({ hostname: NODE });
  const callback = (): never => {
    throw new RangeError('not what I wanted');
  };

  await expect(h.app.control.ping({ timeout: 60, callback })).rejects.toThrow('not what I wanted');
});

test('a destination that names no node reaches nobody: workers take none for all', async () => {
  await h.start({ hostname: NODE });

  await expect(h.app.control.shutdown({ destination: [] })).rejects.toThrow('destination names no node');
  expect(await h.app.control.ping({ limit: 1 })).toHaveLength(1);
});
