/** `npm run interop:docs`: writes `docs/interop.md` from the outcomes that the last runs collected. */

import { writeFile } from 'node:fs/promises';
import { resolve } from 'node:path';

import { collected, holeLines, table } from './report.ts';
import { placeName, places, rows } from './stages/stage.ts';

const versions: Readonly<Record<string, string>> = {
  host: 'in a virtual environment, beside server binaries or containers',
  bookworm: 'in containers of Debian bookworm: Python 3.11, RabbitMQ 3.10, Redis 7.0',
  trixie: 'in containers of Debian trixie: Python 3.13, RabbitMQ 4.0, Redis 8.0',
};

const outcomes = await collected();
const missing = places.filter((place) => !outcomes.some(({ celery, on }) => celery === place.celery && on === place.on));
if (missing.length > 0) throw new Error(`no outcomes yet of ${missing.map(placeName).join(', ')}: run the suites first`);

const page = `# Interop

Real Celery on the other side, both directions, each cell a test: \`npm run interop\` and \`npm run test:containers\`.
Written by \`npm run interop:docs\` from what those runs gave; \`interop/matrix.json\` names the cells and the holes.

A cell lists the rows that pass, by their result backend: ${rows.map((row) => `\`${row}\``).join(', ')}.

${places.map((place) => `- Celery ${placeName(place)}: ${versions[place.on] ?? place.on}.`).join('\n')}

## Our client, a Python worker

${table(outcomes, 'to-python')}

## A Python client, our worker

${table(outcomes, 'from-python')}

## Holes

A hole within a cell is tested too: a case that passes where it should not is an error.

${holeLines().join('\n')}
`;

await writeFile(resolve(import.meta.dirname, '../docs/interop.md'), page);
