import { appendFileSync, mkdtempSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { figuresOf, readLedger } from '../../interop/faults/ledger.ts';
import type { Entry } from '../../interop/faults/ledger.ts';

const line = (id: string, what: Entry['what']): Entry => ({ id, what, pid: 1 });
const none: ReadonlySet<string> = new Set();

describe('the ledger of the fault suite', () => {
  test('each task counts once, as what became of it', () => {
    const entries = [line('ran', 'start'), line('ran', 'end'), line('cut', 'start'), line('told', 'start'), line('probe', 'end')];

    expect(figuresOf(['ran', 'cut', 'told', 'queued'], entries, new Set(['queued']), new Set(['told']))).toEqual({
      sent: 4,
      executed: 1,
      duplicated: 0,
      failed: 1,
      waiting: 1,
      lost: 1,
    });
  });

  test('completed runs beyond the first are duplicates, starts are not', () => {
    const entries = [line('a', 'start'), line('a', 'start'), line('a', 'end'), line('b', 'end'), line('b', 'end'), line('b', 'end')];

    expect(figuresOf(['a', 'b'], entries, none, none)).toMatchObject({ executed: 2, duplicated: 2, lost: 0 });
  });

  test('a line that is being written does not count yet', () => {
    const path = join(mkdtempSync(join(tmpdir(), 'tq-ledger-')), 'ledger');
    appendFileSync(path, 'a start 1.5 7\na end 2.5 7\nb sta');

    expect(readLedger(path)).toEqual([
      { id: 'a', what: 'start', pid: 7 },
      { id: 'a', what: 'end', pid: 7 },
    ]);
    expect(readLedger(`${path}.none`)).toEqual([]);
  });
});
