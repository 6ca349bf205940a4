import type { Worker } from '../worker/worker.ts';

/** Listens for the signals that end nothing. */
export interface OtherSignals {
  /** A HUP has come, and no signal that ends the worker after it: the command starts anew once it has ended. */
  readonly restarts: boolean;
  off(): void;
}

const ENDING = ['SIGTERM', 'SIGINT', 'SIGQUIT'] as const;

/**
 * USR1 prints what runs (`celery/apps/worker.py install_cry_handler`; JavaScript has no stacks of what waits). HUP stops the
 * worker warmly and starts the same command again with the same process id, except on a terminal: closing its window ends
 * the worker (`install_worker_restart_handler`). A signal that ends the worker counts more than a HUP before it.
 */
export function listenToOthers(worker: Worker, say: (text: string) => void): OtherSignals {
  let restarts = false;
  const onUsr1 = (): void => say(running(worker));
  const onHup = (): void => {
    restarts = true;
    say(`Restarting tq-bridge worker (${process.argv.slice(2).join(' ')})`);
    void worker.stop({ sig: 'SIGHUP' }).catch((error: unknown) => say(String(error)));
  };
  const onEnd = (): void => void (restarts = false);
  process.on('SIGUSR1', onUsr1);
  for (const signal of ENDING) process.on(signal, onEnd);
  if (!process.stdout.isTTY) process.on('SIGHUP', onHup);
  return {
    get restarts() {
      return restarts;
    },
    off: () => {
      process.off('SIGUSR1', onUsr1).off('SIGHUP', onHup);
      for (const signal of ENDING) process.off(signal, onEnd);
    },
  };
}

/** This process becomes the command it was started as; returns where the system cannot. */
export function startAnew(): void {
  const words = [process.execPath, ...process.execArgv, ...process.argv.slice(1)];
  process.execve?.(process.execPath, words, process.env);
}

/** The tasks that run, what waits, and what keeps the process open. */
function running({ hostname, state }: Worker): string {
  const now = performance.now();
  const tasks = [...state.active].map(({ pending: { request }, startedMs }) => {
    const seconds = ((now - startedMs) / 1000).toFixed(1);
    return `  ${request.task.slice(0, 256)}[${request.id.slice(0, 256)}] for ${seconds} s`;
  });
  const counts = new Map<string, number>();
  for (const name of process.getActiveResourcesInfo()) counts.set(name, (counts.get(name) ?? 0) + 1);
  return [
    `${hostname}: ${tasks.length} running, ${state.reserved().length} reserved, ${state.scheduled().length} scheduled`,
    ...tasks,
    `  open: ${[...counts].map(([name, count]) => `${name} ${count}`).join(', ')}`,
  ].join('\n');
}
