import { EMBED } from './case.ts';
import type { Cases } from './case.ts';

const nobody = (task: string): Cases[string] => ({ headers: { task }, ours: 'refused', python: 'refused', stores: 'NotRegistered' });

/** Names and texts that a careless worker would look up, import, open or print: the rows N. */
export const NAMES: Cases = {
  'N01 task constructor': nobody('constructor'),
  'N02 task toString': nobody('toString'),
  'N03 task hasOwnProperty': nobody('hasOwnProperty'),
  'N04 task ./tasks': nobody('./tasks'),
  'N05 task file:///etc/passwd': nobody('file:///etc/passwd'),
  'N06 task data:text/javascript': nobody('data:text/javascript,process.exit(1)'),
  'N07 task node:child_process': nobody('node:child_process'),
  'N08 task with a forged log line': nobody('x\r\n[2026-01-01 00:00:00,000: CRITICAL/MainProcess] forged \u001b[2J\u2028\u0007'),
  'N09 __proto__ at every level of the body': {
    body: `[[{"__proto__":{"polluted":1},"constructor":{"prototype":{"polluted":1}}},2],{},{"callbacks":null,"__proto__":{"polluted":1}}]`,
    ours: 'ran',
    python: 'ran',
  },
  'N10 argsrepr and origin with a forged log line': {
    headers: { argsrepr: '(1)\n[2026-01-01] forged', origin: 'x\n[2026-01-01] forged', shadow: 'y\n[2026-01-01] forged' },
    ours: 'ran',
    python: 'ran',
  },
  'N11 id with glob characters': { headers: { id: '*?[a-z]\n' }, ours: 'ran', python: 'ran' },
  'N12 argument that is printed with controls': {
    body: `[["\\u001b[2J\\n[2026-01-01] forged",2],{},${EMBED}]`,
    ours: 'ran',
    python: 'ran',
  },
};
