import { describe, expect, test } from 'vitest';

import { parseJson } from '../../src/message/serializers/json-read.ts';
import { decodeTask } from '../../src/protocol/detect.ts';
import { packEnvelope, unpackEnvelope } from '../../src/transport/virtual/envelope.ts';
import { golden, goldenVersions } from '../goldens.ts';

const sorted = (value: object): string[] => Object.keys(value).toSorted();

describe.each(goldenVersions)('envelopes of Celery %s', (version) => {
  const texts = Object.values(golden(version, 'envelopes').messages);

  test('are unpacked with address, properties and task', () => {
    const [celery, other] = texts.map(unpackEnvelope);

    expect(celery).toMatchObject({ priority: 3, redelivered: false, deliveryTag: expect.any(String) as unknown });
    expect(celery?.message).toMatchObject({ contentType: 'application/json', contentEncoding: 'utf-8', properties: { deliveryMode: 2 } });
    expect(celery?.address.routingKey).toBe('celery');
    expect(other?.address.routingKey).toBe('other');
    expect(other?.message.properties.expiration).toBe('60000');
    const body = parseJson(Buffer.from(celery?.message.body ?? []).toString());
    expect(decodeTask(celery?.message.headers ?? {}, body)).toMatchObject({
      kind: 'task',
      request: { args: [2, 3], headers: { 'x-custom': 1 } },
    });
  });

  test('are packed by us with the same keys and values', () => {
    for (const text of texts) {
      const { message, address, deliveryTag } = unpackEnvelope(text);
      const ours = JSON.parse(packEnvelope(message, address, deliveryTag)) as Record<string, object>;
      const theirs = JSON.parse(text) as Record<string, object>;

      expect(sorted(ours)).toEqual(sorted(theirs));
      expect(theirs).toMatchObject(ours);
    }
  });
});
