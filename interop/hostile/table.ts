/** `docs/hostile.md`, made of the corpus: what `npm run hostile` measures is held to the same tables. */

import type { Cases, Expected } from './case.ts';
import { CHANNELS } from './corpus.ts';
import { RESULTS } from './results.ts';

const WORDS: Readonly<Record<string, string>> = {
  unstored: 'ran, no result',
  refused: 'rejected, FAILURE stored',
  aside: 'put aside',
  lost: '**lost**',
  crash: '**crash**',
  hung: '**hung**',
};

const INTRODUCTION = `# Hostile input, both columns

Every case of \`interop/hostile\`, where it ends with Celery 5.7.0 (prefork, one child, prefetch 1, accept list \`json\` unless the table says otherwise) and where with ours. \`npm run hostile\` measures both columns and fails when either is not as written here; those of JSON run against our worker in \`npm test\` too. Behind each of them a good task must run.

**ran**: run, result stored. **failed**: run or not, FAILURE stored, acked. **rejected**: to the dead-letter exchange. **expired**: REVOKED stored, acked. **held**: unacked until its time. **put aside**: a file moved to \`.tq-bridge/rejected\`. **lost**: acked or removed; nothing ran, nothing is stored, nothing is dead-lettered. **crash**: the worker process ends; over AMQP the message waits for the next worker. **hung**: the process lives and takes nothing more.

[security.md](security.md) says what is defended and how, [protocol.md](protocol.md) why we differ.
`;

/** Control messages have no queue and no result: their suite says what becomes of them. */
const CONTROL = `## Remote control

The 18 malformed messages P01 to P18 of \`interop/hostile/control.test.ts\` go to both workers at once: each is a line in both logs, and both answer the next \`ping\`. A \`pool_grow\` of 1e9, a regular expression that explodes and a glob of 100 kB are refused by ours in time.
`;

/** The whole document. */
export function hostileDocument(): string {
  const channels = Object.entries(CHANNELS).map(([title, cases]) => section(title, cases));
  return [INTRODUCTION, totals(), ...channels, resultsSection(), CONTROL].join('\n');
}

function totals(): string {
  const rows = Object.entries(CHANNELS).map(([title, cases]) => {
    const of = (column: 'ours' | 'python', end: string): string =>
      String(Object.values(cases).filter((given) => given[column] === end).length);
    const both = (end: string): string => `${of('python', end)} / ${of('ours', end)}`;
    return [title, String(Object.keys(cases).length), both('crash'), both('hung'), both('lost'), both('unstored')];
  });
  return `## Totals, Python / ours\n\n${grid(['Channel', 'Cases', 'Crash', 'Hung', 'Lost', 'Ran, no result'], rows)}`;
}

function section(title: string, cases: Cases<Expected>): string {
  const rows = Object.entries(cases).map(([name, { ours, python, stores }]) => [
    escape(name),
    WORDS[python] ?? python,
    `${WORDS[ours] ?? ours}${stores === undefined ? '' : ` (${stores})`}`,
  ]);
  return `## ${title}\n\n${grid(['Case', 'Python', 'Ours'], rows)}`;
}

function resultsSection(): string {
  const rows = Object.entries(RESULTS).map(([name, { ours, python }]) => [
    escape(name),
    python === '' ? 'a class without a name' : python,
    ours,
  ]);
  return `## Stored results, read by a client\n\nWhat waiting for the result raises.\n\n${grid(['Case', 'Python', 'Ours'], rows)}`;
}

function escape(text: string): string {
  return text.replace(/[|_*[\]<>]/g, String.raw`\$&`);
}

/** A Markdown table in the formatter's own shape. */
function grid(head: readonly string[], rows: readonly (readonly string[])[]): string {
  const widths = head.map((name, index) => Math.max(name.length, ...rows.map((row) => row[index]?.length ?? 0)));
  const line = (cells: readonly string[]): string => `| ${cells.map((cell, index) => cell.padEnd(widths[index] ?? 0)).join(' | ')} |`;
  return [line(head), `| ${widths.map((width) => '-'.repeat(width)).join(' | ')} |`, ...rows.map(line), ''].join('\n');
}
