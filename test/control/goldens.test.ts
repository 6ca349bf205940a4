import { describe, expect, test } from 'vitest';
import { parseJson } from '../../src/message/serializers/json-read.ts';
import { writeJson } from '../../src/message/serializers/json-write.ts';
import { decodeControlReply, decodeControlRequest, encodeControlRequest } from '../../src/protocol/control.ts';
import { golden, goldenVersions } from '../goldens.ts';
import type { GoldenMessage } from '../goldens.ts';
import { errorsOf } from '../schemas/schemas.ts';

interface Named {
  readonly name: string;
  readonly message: GoldenMessage;
}

function messagesOf(version: string): Named[] {
  return Object.entries(golden(version, 'control')).flatMap(([name, { messages }]) => messages.map((message) => ({ name, message })));
}

/** The same JSON without Python's blanks. */
const asJson = (text: string): string => writeJson(parseJson(text));

describe.each(goldenVersions)('remote control of Celery %s', (version) => {
  const all = messagesOf(version);
  const requests = all.filter(({ message }) => message.exchange === 'celery.pidbox');
  const replies = all.filter(({ message }) => message.exchange === 'reply.celery.pidbox');

  test.each(requests)('the request $name is read, and written the same again', ({ message }) => {
    expect(errorsOf('control-request', { headers: message.headers, body: JSON.parse(message.body) })).toEqual([]);
    const decoded = decodeControlRequest(parseJson(message.body));
    if (decoded.kind === 'invalid') throw new Error(decoded.reason);

    expect(writeJson(encodeControlRequest(decoded.request))).toBe(asJson(message.body));
  });

  test.each(replies)('the $name is read', ({ message }) => {
    expect(errorsOf('control-reply', { headers: message.headers, body: JSON.parse(message.body) })).toEqual([]);

    expect(Object.keys(decodeControlReply(parseJson(message.body)) ?? {})).toEqual(['celery@host']);
  });

  test('there are both', () => {
    expect([requests.length, replies.length]).toEqual([10, 6]);
  });
});
