import { deflateSync } from 'node:zlib';
import { nested } from './case.ts';

/** What stands under the key of a result, and what a client that waits for it gets. */
export interface ResultCase {
  /** `ID` stands for the task's id. */
  readonly stored: string | Buffer;
  /** The class of our error, or `returns`. */
  readonly ours: 'returns' | 'ResultDecodeError' | 'ResultTimeoutError' | 'TaskFailedError' | 'TaskRevokedError';
  /** The class that is raised in Python's client, or `returns`. */
  readonly python: string;
}

const meta = (status: string, result: unknown, more: object = {}): string =>
  JSON.stringify({ task_id: 'ID', status, result, traceback: null, children: [], date_done: null, ...more });
const failure = (type: unknown, module: unknown, message: unknown = ['x']): string =>
  meta('FAILURE', { exc_type: type, exc_message: message, exc_module: module });
const unreadable = (stored: string | Buffer, python: string): ResultCase => ({ stored, ours: 'ResultDecodeError', python });
const failed = (stored: string, python: string): ResultCase => ({ stored, ours: 'TaskFailedError', python });
const compressed = (mime: string, body: Buffer): Buffer => Buffer.concat([Buffer.from(`\0celery-compressed\0${mime}\0`), body]);

/** Results in Redis, read by a client: the rows E. */
export const RESULTS: Readonly<Record<string, ResultCase>> = {
  'E01 not JSON': unreadable('not json', 'DecodeError'),
  'E02 null': unreadable('null', 'TypeError'),
  'E03 a list': unreadable('[]', 'TypeError'),
  'E04 {}': unreadable('{}', 'KeyError'),
  'E05 unknown status': { stored: meta('NOBODY', 1), ours: 'ResultTimeoutError', python: 'TimeoutError' },
  'E06 SUCCESS without result': unreadable('{"task_id":"ID","status":"SUCCESS"}', 'KeyError'),
  'E07 FAILURE null': unreadable(meta('FAILURE', null), 'RuntimeError'),
  'E08 FAILURE "boom"': unreadable(meta('FAILURE', 'boom'), 'ValueError'),
  'E09 FAILURE of os.system': failed(failure('system', 'os', ['touch /tmp/tq-hostile']), 'SecurityError'),
  'E10 FAILURE of builtins.eval': failed(failure('eval', 'builtins', ['1']), 'SecurityError'),
  'E11 FAILURE of os.path.join': failed(failure('path.join', 'os'), 'SecurityError'),
  'E12 FAILURE of __class__': failed(failure('__class__', 'builtins'), 'SecurityError'),
  'E13 FAILURE of a module that is not there': failed(failure('MyErr', 'nobody.knows'), 'MyErr'),
  'E14 FAILURE of SystemExit': failed(failure('SystemExit', 'builtins'), 'SystemExit'),
  'E15 FAILURE of KeyboardInterrupt': failed(failure('KeyboardInterrupt', 'builtins'), 'KeyboardInterrupt'),
  'E16 FAILURE without exc_type': unreadable(meta('FAILURE', { exc_message: ['x'] }), 'ValueError'),
  'E17 FAILURE with arguments the class does not take': failed(failure('UnicodeDecodeError', 'builtins'), 'Exception'),
  'E18 FAILURE with an empty exc_type': failed(failure('', 'builtins'), ''),
  'E19 RETRY "x"': { stored: meta('RETRY', 'x'), ours: 'ResultTimeoutError', python: 'ValueError' },
  'E20 children [5]': unreadable(meta('SUCCESS', 1, { children: [5] }), 'TypeError'),
  'E21 unreadable date_done': { stored: meta('SUCCESS', 1, { date_done: 'soon' }), ours: 'returns', python: 'returns' },
  'E22 __proto__ and constructor as keys': {
    stored: meta('SUCCESS', null).replace(
      '"result":null',
      '"result":{"__proto__":{"polluted":1}},"__proto__":{"polluted":1},"constructor":1',
    ),
    ours: 'returns',
    python: 'returns',
  },
  'E23 100 000 levels of nesting': unreadable(meta('SUCCESS', null).replace('null', nested(100_000)), 'DecodeError'),
  'E24 bad UTF-8': unreadable(Buffer.from([0x7b, 0xff, 0xfe, 0x7d]), 'DecodeError'),
  'E25 exc_type of a constructor of ours': failed(failure('constructor', '__proto__'), 'constructor'),
  'E26 another task id': { stored: meta('SUCCESS', 1, { task_id: 'another' }), ours: 'returns', python: 'returns' },
  'E27 compressed, cut short': unreadable(compressed('application/x-gzip', deflateSync(meta('SUCCESS', 1)).subarray(0, 20)), 'error'),
  'E28 compressed with nobody knows what': unreadable(compressed('application/x-nobody', Buffer.from('x')), 'KeyError'),
  'E29 compressed, 80 kB to 80 MB': unreadable(compressed('application/x-gzip', bomb()), 'returns'),
  'E30 REVOKED null': { stored: meta('REVOKED', null), ours: 'ResultDecodeError', python: 'RuntimeError' },
};

function bomb(): Buffer {
  return deflateSync(`{"status":"SUCCESS","task_id":"ID","traceback":null,"children":[],"result":"${'x'.repeat(80 * 1024 * 1024)}"}`);
}
