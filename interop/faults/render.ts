/** `npm run faults:docs`: writes `docs/faults.md` from what the last run gave. */

import { writeFileSync } from 'node:fs';
import { resolve } from 'node:path';
import { recorded } from './record.ts';
import { faultsDocument } from './table.ts';

writeFileSync(resolve(import.meta.dirname, '../../docs/faults.md'), faultsDocument(recorded()));
