import { beforeEach, describe, expect, test } from 'vitest';
import { StepList } from '../../src/worker/steps.ts';
import type { Step } from '../../src/worker/steps.ts';
import { harness } from './harness.ts';

const said: string[] = [];
beforeEach(() => void (said.length = 0));

function step(name: string): Step<unknown> {
  return {
    name,
    start: () => void said.push(`start ${name}`),
    stop: () => void said.push(`stop ${name}`),
    lost: () => void said.push(`lost ${name}`),
  };
}

describe('a list of steps', () => {
  test('starts in order and stops in the opposite order', async () => {
    const steps = new StepList([step('a'), step('c')]).add(step('b'), { before: 'c' }).add(step('d'), { after: 'c' });

    await steps.start(undefined);
    await steps.stop(undefined);

    expect(said).toEqual(['start a', 'start b', 'start c', 'start d', 'stop d', 'stop c', 'stop b', 'stop a']);
  });

  test('what had started is stopped when a later step fails', async () => {
    const broken: Step<unknown> = { name: 'broken', start: () => Promise.reject(new Error('no')) };

    await expect(new StepList([step('a'), broken, step('c')]).start(undefined)).rejects.toThrow('no');

    expect(said).toEqual(['start a', 'stop a']);
  });

  test('every step is stopped, whatever another does, and the first error comes back', async () => {
    const broken: Step<unknown> = { name: 'broken', start: () => undefined, stop: () => Promise.reject(new Error('stuck')) };
    const steps = new StepList([step('a'), broken]);

    await steps.start(undefined);
    await expect(steps.stop(undefined)).rejects.toThrow('stuck');

    expect(said).toEqual(['start a', 'stop a']);
  });

  test.each(['stop', 'lost'] as const)('what has not started yet when %s comes does not start any more', async (how) => {
    const gate = Promise.withResolvers<void>();
    const slow: Step<unknown> = { ...step('slow'), start: () => gate.promise };
    const steps = new StepList([step('a'), slow, step('c')]);

    const starting = steps.start(undefined);
    await new Promise((resolve) => setImmediate(resolve));
    const ended = steps[how](undefined);
    gate.resolve();

    await expect(starting).rejects.toThrow('before all of them had started');
    await ended;
    expect(said).toEqual(['start a', `${how} slow`, `${how} a`]);
    await steps.start(undefined);
    expect(said.slice(3)).toEqual(['start a', 'start c']);
  });

  test('a lost connection is told once, and nothing is stopped then', async () => {
    const steps = new StepList([step('a'), step('b')]);

    await steps.start(undefined);
    steps.lost(undefined);
    await steps.stop(undefined);

    expect(said.slice(2)).toEqual(['lost b', 'lost a']);
  });

  test('a name that is taken and a neighbour that does not exist are refused', () => {
    const steps = new StepList([step('a')]);

    expect(() => steps.add(step('a'))).toThrow('there is a step called a already');
    expect(() => steps.add(step('b'), { after: 'z' })).toThrow('there is no step called z; there is a');
  });
});

describe('steps of an app', () => {
  const place = harness();

  test('live as long as the worker, and as long as its connection', async () => {
    place.app.steps.worker.add(step('mine'), { before: 'consumer' });
    place.app.steps.consumer.add(step('near'), { before: 'tasks' });

    const worker = await place.start();
    await worker.stop();

    expect(said).toEqual(['start mine', 'start near', 'stop near', 'stop mine']);
  });

  test('one that fails keeps the worker from starting, and says why', async () => {
    place.app.steps.worker.add({ name: 'mine', start: () => Promise.reject(new Error('no database')) });

    await expect(place.start()).rejects.toThrow('no database');
  });

  test('one of a connection that does not stop is named in the log, and the worker goes on', async () => {
    let fail: (reason: Error | undefined) => void = () => undefined;
    let starts = 0;
    place.app.steps.consumer.add({
      name: 'mine',
      start: ({ failed }) => {
        fail = failed;
        starts += 1;
      },
      stop: () => Promise.reject(new Error('stuck')),
    });
    const worker = await place.start();

    fail(undefined);
    await expect.poll(() => starts).toBe(2);
    await worker.stop();

    expect(place.lines).toContain('warning: consumer: a step did not stop: stuck');
  });
});
