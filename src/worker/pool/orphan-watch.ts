import { Worker as Thread } from 'node:worker_threads';

const LOOK_MS = 500;

/** What the thread runs: a process whose parent has gone gets another. */
const CODE = `
  const { workerData } = require('node:worker_threads');
  setInterval(() => {
    if (process.ppid !== workerData.parent) process.kill(process.pid, 'SIGKILL');
  }, ${LOOK_MS});
`;

/**
 * Ends this process when its parent has gone, whatever its event loop does: a task in an endless loop never sees that the
 * channel has closed. The thread is small and does not keep the process.
 */
export function watchForOrphanhood(): void {
  const resourceLimits = { maxOldGenerationSizeMb: 8, maxYoungGenerationSizeMb: 1, stackSizeMb: 1 };
  new Thread(CODE, { eval: true, workerData: { parent: process.ppid }, resourceLimits, execArgv: [], env: {} }).unref();
}
