import { lstat, readFile } from 'node:fs/promises';

/** Another process writes in place: how long its half-written file may stand still before it counts as whole. */
const HALF_WRITTEN_MS = 2000;
const REREAD_MS = 20;

/** The text of a claimed file, or why it has none. */
export type ClaimedText = { readonly text: string } | { readonly unreadable: string };

/**
 * Reads a claimed file, `maxBytes` at most. One that its writer may still be writing is read again until it ends like an
 * object or stands still: kombu writes in place. A link, a pipe or a folder is not followed or opened.
 */
export async function readClaimed(place: string, maxBytes: number): Promise<ClaimedText> {
  let size = -1;
  let stillSince = performance.now();
  for (;;) {
    const info = await lstat(place);
    if (!info.isFile()) return { unreadable: 'it is not a regular file' };
    if (info.size > maxBytes) return { unreadable: `it has ${info.size} bytes; the limit is ${maxBytes}` };
    const text = await readFile(place, 'utf8');
    if (info.size !== size) stillSince = performance.now();
    size = info.size;
    const isOld = Date.now() - info.mtimeMs > HALF_WRITTEN_MS;
    if (text.trimEnd().endsWith('}') || isOld || performance.now() - stillSince > HALF_WRITTEN_MS) return { text };
    await new Promise((resolve) => setTimeout(resolve, REREAD_MS));
  }
}
