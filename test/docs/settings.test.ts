/** docs/settings.md is written out of the schema: `npx vitest run --project live test/docs/settings.test.ts -u` after a change. */

import { expect, test } from 'vitest';
import { NOT_BUILT } from '../../src/app/not-built.ts';
import { schemas } from '../schemas/schemas.ts';

interface Property {
  readonly type?: string | readonly string[];
  readonly enum?: readonly unknown[];
  readonly anyOf?: readonly Property[];
  readonly description: string;
  readonly default: unknown;
}

const properties = schemas.get('settings')?.['properties'] as Readonly<Record<string, Property>>;

function typeOf({ type, enum: values, anyOf }: Property): string {
  if (anyOf !== undefined) return [...new Set(anyOf.map(typeOf))].join(' or ');
  if (values !== undefined) return values.map((value) => JSON.stringify(value)).join(' or ');
  return [type ?? 'any'].flat().join(' or ');
}

/** The settings of one prefix, in the order of the schema. */
function section(title: string, prefixes: readonly string[]): string {
  const rows = Object.entries(properties).filter(([name]) => prefixes.includes(name.split('_')[0] ?? ''));
  const lines = rows.map(
    ([name, property]) => `- \`${name}\`: ${property.description} (${typeOf(property)}; default \`${JSON.stringify(property.default)}\`)`,
  );
  return [`## ${title}`, '', ...lines, ''].join('\n');
}

const SECTIONS: Readonly<Record<string, readonly string[]>> = {
  Broker: ['broker'],
  Tasks: ['task'],
  Results: ['result', 'redis'],
  Worker: ['worker'],
  'Remote control and events': ['control', 'event'],
  'Messages and security': ['accept', 'message', 'security'],
  Time: ['enable', 'timezone'],
};

function document(): string {
  const refused = [...NOT_BUILT].toSorted().map((name) => `\`${name}\``);
  return [
    '# Settings',
    '',
    "What `new Celery(name, settings)` and `app.configure(settings)` take: Celery's names and meanings, times in seconds. `app.settings` (Celery's `app.conf`) holds them all, frozen; `configure()` comes before the first connection. `CELERY_BROKER_URL` and `CELERY_RESULT_BACKEND` fill in what the program leaves out. An unknown name is refused, with the nearest known one; a broker or backend that there is none of is refused when it is first used.",
    '',
    ...Object.entries(SECTIONS).map(([title, prefixes]) => section(title, prefixes)),
    '## Celery’s settings that are not built',
    '',
    'Each is refused by name, so that nobody believes it works:',
    '',
    `${refused.join(', ')}.`,
    '',
  ].join('\n');
}

test('docs/settings.md is what the schema says', async () => {
  await expect(document()).toMatchFileSnapshot(new URL('../../docs/settings.md', import.meta.url).pathname);
});

test('every setting stands in it', () => {
  const text = document();

  expect(Object.keys(properties).filter((name) => !text.includes(`\n- \`${name}\`: `))).toEqual([]);
});
