import { expect, test } from 'vitest';
import { decodeTask } from '../../src/protocol/detect.ts';

const v1 = { task: 'add', id: 'a' };
const v2 = { task: 'add', id: 'a' };
const step = { task: 'next', args: [], kwargs: {}, options: {}, subtask_type: null, immutable: false };

test('protocol 1 needs no args and no kwargs', () => {
  expect(decodeTask({}, v1)).toMatchObject({ kind: 'task', protocol: 1, request: { args: [], kwargs: {} } });
});

test.each([
  ['protocol 1, args null', {}, { ...v1, args: null }, 'TypeError'],
  ['protocol 1, kwargs null', {}, { ...v1, kwargs: null }, 'InvalidTaskError'],
  ['hybrid, args null', v2, { args: null, kwargs: {} }, 'TypeError'],
  ['hybrid, kwargs null', v2, { args: [], kwargs: null }, 'InvalidTaskError'],
])('%s never runs', (_name, headers, body, excType) => {
  expect(decodeTask(headers, body)).toMatchObject({ kind: 'invalid', id: 'a', failure: { exc_type: excType } });
});

test.each([
  ['protocol 1', {}, { ...v1, callbacks: [step], chain: [step] }],
  ['hybrid', v2, { args: [], callbacks: [step], chain: [step] }],
])('%s has callbacks but no chain', (_name, headers, body) => {
  expect(decodeTask(headers, body)).toMatchObject({ kind: 'task', request: { embed: { callbacks: [step], chain: null } } });
});
