import fc from 'fast-check';
import { expect, test } from 'vitest';

import { parseJson } from '../../src/message/serializers/json-read.ts';
import { decodeTask } from '../../src/protocol/detect.ts';
import { decodeFailure } from '../../src/protocol/failure.ts';
import { decodeMeta } from '../../src/protocol/result.ts';
import { decodeEmbed, decodeSignature } from '../../src/protocol/signature.ts';
import { unpackEnvelope } from '../../src/transport/virtual/envelope.ts';
import { errorsOf } from './schemas.ts';

/** Whatever a schema lets through must be read: each room of the wire, fed with what its schema allows. */

const nullable = <T>(arbitrary: fc.Arbitrary<T>): fc.Arbitrary<T | null> => fc.option(arbitrary, { nil: null });
const text = fc.string({ unit: 'grapheme', maxLength: 12 });
const name = fc.string({ minLength: 1, maxLength: 12 });
const moment = fc
  .date({ min: new Date('0001-01-02'), max: new Date('9999-12-30'), noInvalidDate: true })
  .chain((date) => fc.constantFrom('Z', '+00:00', '-03:30', '').map((zone) => date.toISOString().replace('Z', zone)))
  .filter((iso) => /^\d{4}-/.test(iso));
const typed = fc.oneof(
  moment.map((value) => ({ __type__: 'datetime', __value__: value })),
  moment.map((value) => ({ __type__: 'date', __value__: value.slice(0, 10) })),
  moment.map((value) => ({ __type__: 'time', __value__: value.slice(11) })),
  fc.constantFrom('1.10', '-0', '1E+3', 'NaN', '-Infinity', '.5').map((value) => ({ __type__: 'decimal', __value__: value })),
  fc.uuid().map((value) => ({ __type__: 'uuid', __value__: { hex: value.replaceAll('-', '') } })),
  text.map((value) => ({ __type__: 'bytes', __value__: value })),
  fc.base64String().map((value) => ({ __type__: 'base64', __value__: value })),
);
const { value } = fc.letrec((tie) => ({
  value: fc.oneof(
    { depthSize: 'small' },
    fc.oneof(fc.constant(null), fc.boolean(), fc.integer(), fc.double({ noNaN: true, noDefaultInfinity: true }), text, typed),
    fc.array(tie('value'), { maxLength: 3 }),
    fc.dictionary(text, tie('value'), { maxKeys: 3 }),
  ),
}));
const values = fc.array(value, { maxLength: 3 });
const keywords = fc.dictionary(text, value, { maxKeys: 3 });
const { signature } = fc.letrec((tie) => ({
  signature: fc.record(
    {
      task: name,
      args: values,
      kwargs: keywords,
      options: fc.oneof(
        { depthSize: 'small' },
        fc.record({ task_id: nullable(text), countdown: nullable(fc.integer()), eta: nullable(moment) }, { requiredKeys: [] }),
        fc.record({ link: fc.array(tie('signature'), { maxLength: 2 }), chord: nullable(tie('signature')) }, { requiredKeys: [] }),
      ),
      subtask_type: nullable(fc.constantFrom('chain', 'group', 'chord')),
      immutable: fc.boolean(),
    },
    { requiredKeys: ['task', 'args', 'kwargs', 'options'] },
  ),
}));
const signatures = nullable(fc.array(signature, { maxLength: 2 }));
const follow = { callbacks: signatures, errbacks: signatures, chain: signatures, chord: nullable(signature) };
const embed = fc.oneof(fc.constantFrom(null, [], {}), fc.record(follow, { requiredKeys: [] }));
const limit = nullable(fc.oneof(fc.nat(), fc.double({ min: 0, noNaN: true, noDefaultInfinity: true })));
const call = {
  task: name,
  id: name,
  eta: nullable(moment),
  expires: nullable(moment),
  retries: fc.nat(),
  group: nullable(text),
  group_index: nullable(fc.nat()),
  timelimit: nullable(fc.tuple(limit, limit)),
};
const headers = fc.record(
  {
    ...call,
    lang: nullable(text),
    shadow: nullable(text),
    root_id: nullable(text),
    argsrepr: nullable(text),
    ignore_result: nullable(fc.boolean()),
    stamped_headers: nullable(fc.array(text, { maxLength: 2 })),
    stamps: keywords,
    'x-mine': value,
  },
  { requiredKeys: ['task', 'id'] },
);
const taskV2 = fc.record({ headers, body: fc.tuple(values, keywords, embed) });
const { chain: _chain, ...v1Follow } = follow;
const bodyV1 = fc.record({ ...call, ...v1Follow, args: values, kwargs: keywords, utc: fc.boolean() }, { requiredKeys: ['task', 'id'] });
const exception = fc.record(
  { exc_type: text, exc_message: values, exc_module: nullable(text) },
  { requiredKeys: ['exc_type', 'exc_message'] },
);
const { tuple } = fc.letrec((tie) => ({
  tuple: fc.tuple(
    fc.tuple(text, fc.oneof({ depthSize: 'small' }, fc.constant(null), tie('tuple'))),
    fc.oneof({ depthSize: 'small' }, fc.constant(null), fc.array(tie('tuple'), { maxLength: 2 })),
  ),
}));
const more = {
  traceback: nullable(text),
  date_done: nullable(moment),
  group_id: nullable(text),
  children: nullable(fc.array(tuple, { maxLength: 2 })),
};
const meta = fc.oneof(
  fc.record({ status: fc.constantFrom('SUCCESS', 'STARTED', 'PROGRESS'), task_id: name, result: value, ...more }),
  fc.record({ status: fc.constantFrom('FAILURE', 'REVOKED', 'RETRY'), task_id: name, result: exception, ...more }),
);
const envelope = fc.record(
  {
    body: fc.base64String(),
    'content-type': nullable(text),
    headers: nullable(keywords),
    properties: fc.record(
      {
        delivery_info: fc.record({ exchange: text, routing_key: text }),
        delivery_tag: fc.oneof(text, fc.integer()),
        body_encoding: fc.constantFrom('base64', 'utf-8', null),
        priority: nullable(fc.nat()),
        correlation_id: nullable(text),
      },
      { requiredKeys: ['delivery_info', 'delivery_tag'] },
    ),
  },
  { requiredKeys: ['body', 'properties'] },
);

/** Runs `read` on generated values that are valid, as they come out of JSON. */
function holds<T>(schema: string, arbitrary: fc.Arbitrary<T>, read: (value: T, json: string) => unknown): void {
  const property = fc.property(arbitrary, (generated) => {
    const json = JSON.stringify(generated);
    const errors = errorsOf(schema, JSON.parse(json));
    // A key pair of the format may come about by chance; then it is no valid value.
    fc.pre(!json.includes('"__type__":{') && errors.every((error) => !error.includes('"then"')));
    expect(errors).toEqual([]);
    read(parseJson(json) as T, json);
  });
  fc.assert(property, { numRuns: 300 });
}

test('a valid protocol 2 task is a task', () => {
  holds('task-v2', taskV2, (task) => expect(decodeTask(task.headers, task.body)).toMatchObject({ kind: 'task', protocol: 2 }));
});

test('a valid protocol 1 task is a task', () => {
  holds(
    'task-v1',
    bodyV1.map((body) => ({ body })),
    ({ body }) => expect(decodeTask({}, body)).toMatchObject({ kind: 'task', protocol: 1 }),
  );
});

test('valid signatures and embeds are read', () => {
  holds('signature', signature, (wire) => expect(decodeSignature(wire, 'x')).toMatchObject({ immutable: expect.any(Boolean) as unknown }));
  holds('embed', embed, (wire) => expect(decodeEmbed(wire)).toBeTypeOf('object'));
});

test('valid results and exceptions are read', () => {
  holds('result-meta', meta, (wire) => expect(decodeMeta(wire).task_id).toBeTypeOf('string'));
  holds('exception', exception, (wire) => expect(decodeFailure(wire, 'i', null).excType).toBeTypeOf('string'));
});

test('a valid envelope is unpacked', () => {
  holds('envelope', envelope, (_wire, json) => expect(unpackEnvelope(json).address.exchange).toBeTypeOf('string'));
});

test('valid values are read', () => {
  holds('typed-values', value, (wire) => expect(wire).not.toBeUndefined());
});
