/** `docs/faults.md`, made of the catalogue and of what a run gave. */

import type { FaultCase } from './case.ts';
import { GROUPS, HOLES } from './catalogue.ts';
import type { Row } from './record.ts';
import { figuresText, notesOf } from './record.ts';
import { CELERY } from './side.ts';

const INTRODUCTION = `# Faults, both columns

What becomes of tasks when brokers, links, result stores and workers fail. \`npm run test:faults\` plays each scenario to our worker and to Celery ${CELERY} (prefork), both over a proxy of their own to the same private RabbitMQ and Redis, two tasks at once and eight messages ahead unless a row says otherwise. It fails when ours loses or repeats more than a row allows, when its worker ends by itself or with another exit code than [worker.md](worker.md) says, when it prints an uncaught error or a password, and when a task sent after the fault has not run ten seconds later. Python's column is only written down. \`npm run faults:docs\` wrote this page from the last run of each case.

Brokers are RabbitMQ and, where a row says so, a folder; the memory transport begins and ends with its one process, and has no row.

The sender is the same for both, ours, and waits for the broker's confirm: what differs is the worker's doing. Figures are **sent / executed / lost / duplicated** tasks: sent and confirmed; run to the end at least once; lost, when no run was completed, the message is in no queue and no FAILURE tells whoever waits; runs completed beyond the first. Early ack is Celery's default, and gives up what runs when a worker is killed. A run is one sample: duplicates vary from run to run, within what is allowed.
`;

/** The whole page. Throws when a case has not been played. */
export function faultsDocument(rows: Readonly<Record<string, Row>>): string {
  const sections = Object.entries(GROUPS).map(([title, cases]) => `## ${title}\n\n${table(cases, rows)}`);
  const holes = HOLES.map(({ id, title, reason }) => `- ${id} ${title}: ${reason}.`);
  return [INTRODUCTION, ...sections, `## Holes\n`, ...holes, ''].join('\n');
}

function table(cases: readonly FaultCase[], rows: Readonly<Record<string, Row>>): string {
  const lines = cases.map((given) => {
    const row = rows[given.id];
    if (row === undefined) throw new Error(`${given.id} has not been played: npm run test:faults`);
    const cells = [
      `${given.id} ${given.title}`,
      allowed(given),
      figuresText(row.ours.figures),
      figuresText(row.python.figures),
      notes(row),
    ];
    return `| ${cells.join(' | ')} |`;
  });
  return ['| Case | Allowed: lost / duplicated | Ours | Python | Notes |', '| --- | --- | --- | --- | --- |', ...lines, ''].join('\n');
}

/** What ours may lose and repeat. */
export function allowed({ most = {} }: FaultCase): string {
  return `${most.lost ?? 0} / ${most.duplicated ?? 0}`;
}

function notes({ ours, python }: Row): string {
  const sides = [
    ['ours', notesOf(ours)],
    ['Python', notesOf(python)],
  ] as const;
  return sides
    .filter(([, texts]) => texts.length > 0)
    .map(([side, texts]) => `${side}: ${texts.map(escape).join(', ')}`)
    .join('; ');
}

function escape(text: string): string {
  return text.replace(/[|_*[\]<>]/g, String.raw`\$&`);
}
