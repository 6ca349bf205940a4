import { expect, test } from 'vitest';
import { Celery } from '../../src/celery.ts';

test.each([1, 2])('a task of protocol %i that is prepared is the one that is sent', async (protocol) => {
  await using app = new Celery('prepare', {
    broker_url: `memory://prepare-${protocol}`,
    task_protocol: protocol,
    task_compression: 'gzip',
  });
  const options = { taskId: 'i', kwargs: { y: 2 }, headers: { tenant: 'blue' }, priority: 3, expires: new Date(0), replyTo: 'r' };

  const { message, address } = app.prepareTask('t', [1], options);
  await app.sendTask('t', [1], options);

  const sent = await (await (await app.openLink().open()).openChannel()).get('celery');
  expect({ ...message, body: Uint8Array.from(message.body) }).toEqual(sent?.message);
  expect(address).toEqual({ exchange: '', routingKey: 'celery' });
});

test('what could not be sent cannot be prepared', async () => {
  await using app = new Celery('prepare', { broker_url: 'memory://prepare' });

  expect(() => app.prepareTask('')).toThrow(TypeError);
  expect(() => app.prepareTask('t', [], { compresion: 'gzip' } as object)).toThrow('did you mean compression');
  expect(() => app.prepareTask('t', [new Map()])).toThrow('a Map cannot be sent');
});
