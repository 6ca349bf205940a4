/** Putting a case on the wire. */

import type { ConfirmChannel } from 'amqplib';
import type { AmqpCase } from './case.ts';
import { OK_BODY } from './case.ts';

/** Publishes a case to a queue under `id`, waits for the broker's confirm, and resolves with the body that was sent. */
export async function publishCase(channel: ConfirmChannel, queue: string, given: AmqpCase, id: string): Promise<Buffer> {
  const fields = { task: 'h.ok', id, ...given.headers };
  // From entries: a plain assignment would lose a header named __proto__.
  const headers = Object.fromEntries(Object.entries(fields).filter(([, value]) => value !== undefined));
  const type = given.contentType === undefined ? 'application/json' : given.contentType;
  const body = bodyOf(given, id);
  channel.publish('', queue, body, {
    headers,
    ...(given.contentEncoding === null ? {} : { contentEncoding: given.contentEncoding ?? 'utf-8' }),
    correlationId: id.slice(0, 100),
    ...(type === null ? {} : { contentType: type }),
    ...given.properties,
  });
  await channel.waitForConfirms();
  return body;
}

function bodyOf({ body = OK_BODY }: AmqpCase, id: string): Buffer {
  if (typeof body === 'string') return Buffer.from(body.replace('"ID"', () => JSON.stringify(id)));
  return typeof body === 'function' ? body() : body;
}

/** Takes what is in a dead-letter queue by now; true when `body` was among it. */
export async function takesFromDead(channel: ConfirmChannel, queue: string, body: Buffer): Promise<boolean> {
  for (;;) {
    const message = await channel.get(queue, { noAck: true });
    if (message === false) return false;
    if (message.content.equals(body)) return true;
  }
}
