/** Named pipes whose reader is the test. */

import { execFileSync } from 'node:child_process';
import { constants, mkdtempSync, openSync, readSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

/** A pipe that is read only when the test asks. */
export interface Pipe {
  readonly path: string;
  /** What came since the last time. */
  readonly read: () => string;
}

/** Makes a pipe in a folder of its own; it stays open for reading. */
export function namedPipe(): Pipe {
  const path = join(mkdtempSync(join(tmpdir(), 'tq-pipe-')), 'pipe');
  execFileSync('mkfifo', [path]);
  const reader = openSync(path, constants.O_RDONLY | constants.O_NONBLOCK);
  const buffer = Buffer.alloc(65_536);
  return {
    path,
    read: () => {
      let text = '';
      try {
        for (let count = 1; count > 0; text += buffer.toString('utf8', 0, count)) count = readSync(reader, buffer);
      } catch {
        // Nothing more for now.
      }
      return text;
    },
  };
}
