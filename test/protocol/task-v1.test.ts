import { describe, expect, test } from 'vitest';

import { readFields } from '../../src/driver/amqp-fields.ts';
import { parseJson } from '../../src/message/serializers/json-read.ts';
import { writeJson } from '../../src/message/serializers/json-write.ts';
import { decodeTask } from '../../src/protocol/detect.ts';
import { signature } from '../../src/protocol/signature.ts';
import { encodeTaskV1 } from '../../src/protocol/task-v1.ts';
import { goldenTasks, goldenVersions } from '../goldens.ts';

describe.each(goldenVersions)('what Celery %s sent, sent again by us', (version) => {
  const tasks = goldenTasks(version).filter(({ protocol }) => protocol === 1);

  test.each(tasks)('$name', ({ message }) => {
    const headers = readFields(Buffer.from(message.headers_hex, 'hex'));
    const body = parseJson(message.body);
    const decoded = decodeTask(headers, body);
    if (decoded.kind !== 'task') throw new Error(`no task: ${JSON.stringify(decoded)}`);

    const again = encodeTaskV1(decoded.request, { utc: true });

    expect(again.headers).toEqual(headers);
    expect(Object.keys(again.body as object)).toEqual(Object.keys(body as object));
    expect(parseJson(writeJson(again.body))).toEqual(body);
  });
});

describe('encodeTaskV1', () => {
  const decoded = decodeTask({ task: 't', id: 'i', group: 'g', group_index: 3 }, [[], {}, null]);
  const request = decoded.kind === 'task' ? decoded.request : undefined;
  if (request === undefined) throw new Error('no task');

  test('names the group twice', () => {
    expect(encodeTaskV1(request, { utc: true }).body).toMatchObject({ group: 'g', taskset: 'g', group_index: 3 });
  });

  test('the rest of a chain becomes links, after the callbacks', () => {
    const chain = [signature('last'), signature('middle'), signature('next')];
    const { body } = encodeTaskV1({ ...request, embed: { ...request.embed, callbacks: [signature('cb')], chain } }, { utc: true });

    expect(body).toMatchObject({
      callbacks: [{ task: 'cb' }, { task: 'next', options: { link: [{ task: 'middle', options: { link: [{ task: 'last' }] } }] } }],
    });
  });
});
