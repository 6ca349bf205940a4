import { randomUUID } from 'node:crypto';
import { expect, onTestFinished, test, vi } from 'vitest';
import { parseBrokerUrl } from '../../src/base/broker-url.ts';
import { ConnectionError } from '../../src/base/errors.ts';
import { silentLogger } from '../../src/base/logger.ts';
import { EventBuffer } from '../../src/events/buffer.ts';
import { EventOutlet } from '../../src/events/outlet.ts';
import { jsonSerializer } from '../../src/message/serializers/json.ts';
import { makeEvent } from '../../src/protocol/event.ts';
import { memoryTransport } from '../../src/transport/memory.ts';
import { transportOptions } from '../conformance/transport.ts';

test('who leaves tries the broker at once, however long it has stayed away', async () => {
  vi.useFakeTimers({ toFake: ['setTimeout', 'clearTimeout'] });
  onTestFinished(() => void vi.useRealTimers());
  const url = parseBrokerUrl(`memory://${randomUUID()}`);
  let attempts = 0;
  let isAway = true;
  const link = {
    open: () => {
      attempts += 1;
      return isAway ? Promise.reject(new ConnectionError('away')) : memoryTransport.connect(url, transportOptions());
    },
    close: () => Promise.resolve(),
  };
  const buffer = new EventBuffer(10, new Set());
  const outlet = new EventOutlet({ link, exchange: 'celeryev', serializer: jsonSerializer, logger: silentLogger, buffer });
  buffer.push(makeEvent('custom-x', {}, { hostname: 'h', pid: 1, clock: 1, nowMs: 0 }));
  outlet.wake();
  for (let seen = 1; seen <= 6; seen += 1) {
    await vi.waitUntil(() => attempts >= seen);
    await vi.advanceTimersByTimeAsync(10_000);
  }

  isAway = false;
  await outlet.close(2000);

  expect([buffer.size, buffer.dropped]).toEqual([0, 0]);
});
