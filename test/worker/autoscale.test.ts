import { afterEach, describe, expect, test } from 'vitest';
import { Autoscaler } from '../../src/worker/autoscale.ts';
import { harness } from './harness.ts';

describe('autoscale', () => {
  const h = harness();
  const before = process.env['AUTOSCALE_KEEPALIVE'];
  afterEach(() => {
    if (before === undefined) delete process.env['AUTOSCALE_KEEPALIVE'];
    else process.env['AUTOSCALE_KEEPALIVE'] = before;
  });

  test('grows with the tasks in hand up to max, and shrinks to min when it was quiet for long enough', async () => {
    process.env['AUTOSCALE_KEEPALIVE'] = '0.2';
    const gate = Promise.withResolvers<void>();
    h.app.task('gated', () => gate.promise);
    const worker = await h.start({ autoscale: { max: 3, min: 0 } });
    expect(worker.concurrency).toBe(1);
    expect(worker.prefetchSlots).toBe(3);

    const results = await Promise.all([1, 2, 3, 4].map(() => h.app.sendTask('gated')));
    await expect.poll(() => worker.running).toBe(3);
    expect(worker.autoscaler?.info()).toEqual({ max: 3, min: 1, current: 3, qty: 4 });
    gate.resolve();
    for (const result of results) await result.get({ timeout: 5 });

    await expect.poll(() => worker.concurrency, { timeout: 5000 }).toBe(1);
    expect(h.lines).toContain('info: Scaling up 2 processes.');
    expect(h.lines).toContain('info: Scaling down 2 processes.');
  });

  test('remote control gives it another range', async () => {
    const worker = await h.start({ autoscale: { max: 3, min: 2 } });

    expect(worker.autoscaler?.update({ min: 3, max: 5 })).toEqual({ max: 5, min: 3 });
    await expect.poll(() => worker.concurrency).toBe(3);
    expect(worker.autoscaler?.update({ min: 1, max: 2 })).toEqual({ max: 2, min: 1 });
    await expect.poll(() => worker.concurrency).toBe(2);
    expect(() => worker.autoscaler?.update({ max: 0 })).toThrow(RangeError);
  });

  test.each([[{ max: 0, min: 0 }], [{ max: 1, min: 2 }], [{ max: 1.5, min: 1 }], [{ max: 3, min: -1 }]])(
    'a range of %j is refused',
    (range) => {
      expect(() => new Autoscaler(range)).toThrow(RangeError);
    },
  );
});
