/** What a child of a pool runs: a process with a channel to its parent, or a thread. */
import { isMainThread, parentPort } from 'node:worker_threads';
import { catchStrayErrors } from '../stray.ts';
import { UNHEEDED } from './child.ts';
import { ChildMain } from './child-main.ts';
import { enterChild } from './inside.ts';
import { watchForOrphanhood } from './orphan-watch.ts';
import type { ToChild } from './wire.ts';

enterChild();
if (isMainThread) {
  for (const signal of UNHEEDED) process.on(signal, () => undefined);
  const child = new ChildMain(
    (message) => {
      process.send?.(message);
      if (message.type === 'ready') watchForOrphanhood();
    },
    () => process.disconnect(),
  );
  process.on('message', (message) => child.hear(message as ToChild));
  // The parent is gone, or has been told everything.
  process.on('disconnect', () => process.exit(0));
  catchStrayErrors(child.logger);
} else {
  const child = new ChildMain(
    (message) => parentPort?.postMessage(message),
    () => process.exit(0),
  );
  parentPort?.on('message', (message: ToChild) => child.hear(message));
  catchStrayErrors(child.logger);
}
