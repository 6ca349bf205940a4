/** What the measured columns are held to. */

import type { Cases, Ends, Expected } from './case.ts';

/** One column of a table of cases. */
export function column(cases: Cases<Expected>, name: 'ours' | 'python'): Record<string, Ends> {
  return Object.fromEntries(Object.entries(cases).map(([title, given]) => [title, given[name]]));
}
