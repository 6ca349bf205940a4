import { int } from './case.ts';
import type { Cases } from './case.ts';

/** Headers and properties as AMQP values of every kind: the rows X. */
export const TABLES: Cases = {
  'X01 bad UTF-8 in a header': { headers: { odd: Buffer.from([0xff, 0xfe]) }, ours: 'ran', python: 'ran' },
  'X02 id bytes': { headers: { id: Buffer.from('abc') }, ours: 'rejected', python: 'unstored' },
  'X03 eta timestamp': { headers: { eta: { '!': 'timestamp', value: 1 } }, ours: 'refused', python: 'ran' },
  'X04 decimal': { headers: { odd: { '!': 'decimal', value: { digits: 314, places: 2 } } }, ours: 'ran', python: 'ran' },
  'X05 table 300 deep': {
    headers: { deep: Array.from({ length: 300 }).reduce((inner: unknown) => ({ a: inner }), {}) },
    ours: 'ran',
    python: 'ran',
  },
  'X06 100 kB task name': { headers: { task: 'n'.repeat(50_000) }, ours: 'refused', python: 'refused', stores: 'NotRegistered' },
  'X08 only task and id': { ours: 'ran', python: 'ran' },
  'X09 another correlation id': { properties: { correlationId: 'another' }, ours: 'ran', python: 'ran' },
  'X10 dead reply queue': { properties: { replyTo: 'nobody-listens' }, ours: 'ran', python: 'ran' },
  'X11 5000 headers': {
    headers: Object.fromEntries(Array.from({ length: 5000 }, (_item, index) => [`h${index}`, true])),
    ours: 'refused',
    python: 'ran',
    stores: 'DecodeError',
  },
  'X12 headers named __proto__ and constructor': {
    headers: Object.fromEntries([
      ['__proto__', { polluted: true }],
      ['constructor', { prototype: { polluted: true } }],
    ]),
    ours: 'ran',
    python: 'ran',
  },
  'X13 __proto__ in stamps': {
    headers: { stamped_headers: ['__proto__'], stamps: Object.fromEntries([['__proto__', 'polluted']]) },
    ours: 'ran',
    python: 'ran',
  },
  'X14 naive eta': { headers: { eta: '2020-01-01T00:00:00' }, ours: 'ran', python: 'ran' },
  'X15 eta Z': { headers: { eta: '2020-01-01T00:00:00Z' }, ours: 'ran', python: 'ran' },
  'X16 expires with a space, far': { headers: { expires: '2999-01-01 00:00:00' }, ours: 'ran', python: 'ran' },
  'X17 50 kB argsrepr': { headers: { argsrepr: 'x'.repeat(50_000) }, ours: 'ran', python: 'ran' },
  'X18 wrong-typed reprs': { headers: { argsrepr: int(5), kwargsrepr: {} }, ours: 'ran', python: 'ran' },
  'X19 another language': { headers: { lang: 'js' }, ours: 'ran', python: 'ran' },
  'X20 unknown headers': { headers: { nobody: 'knows', meth: 'm' }, ours: 'ran', python: 'ran' },
  'X21 bad chord size': {
    body: `[[1,2],{},{"callbacks":null,"errbacks":null,"chain":null,"chord":null,"chord_size":"x"}]`,
    ours: 'ran',
    python: 'ran',
  },
  'X22 id of 1025 characters': { headers: { id: 'i'.repeat(1025) }, ours: 'rejected', python: 'ran' },
};
