import { fork } from 'node:child_process';
import type { ChildProcess } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import { entryUrl, UNHEEDED } from './child.ts';
import type { Child, ChildEvents, Exit } from './child.ts';
import { isFromChild } from './wire.ts';
import type { ToChild } from './wire.ts';

const OUT_OF_MEMORY = /JavaScript heap out of memory/;
const TAIL_BYTES = 4096;

/** How long what a dead child has written is waited for. */
const LAST_WORDS_MS = 500;

/**
 * Starts a child process. Its output is its parent's; errors pass through here, since only they tell that its heap was full.
 * An inspector's port cannot be shared, and so is left out of its options.
 */
export function startProcess({ onMessage, onExit }: ChildEvents): Child {
  const child = fork(fileURLToPath(entryUrl()), [], {
    serialization: 'advanced',
    stdio: ['ignore', 'inherit', 'pipe', 'ipc'],
    execArgv: process.execArgv.filter((option) => !option.startsWith('--inspect')),
  });
  const tail = passErrorsOn(child);
  child.on('message', (message: unknown) => {
    if (isFromChild(message)) onMessage(message);
  });
  // A child that could not be started, or cannot be written to any more, ends: that is what counts.
  child.on('error', () => void child.kill('SIGKILL'));
  void ended(child).then(([code, signal]) => onExit({ code, signal, outOfMemory: OUT_OF_MEMORY.test(tail()) }));
  return {
    pid: child.pid ?? 0,
    send: (message: ToChild) => void (child.connected && child.send(message, () => undefined)),
    kill: (signal) => void child.kill(UNHEEDED.includes(signal) ? 'SIGKILL' : (signal as NodeJS.Signals)),
  };
}

function passErrorsOn(child: ChildProcess): () => string {
  let tail = '';
  child.stderr?.on('data', (chunk: Buffer) => {
    process.stderr.write(chunk);
    tail = (tail + chunk.toString('latin1')).slice(-TAIL_BYTES);
  });
  return () => tail;
}

/** A child is over when it has ended and everything it had sent is read; a grandchild may hold its pipes for ever. */
async function ended(child: ChildProcess): Promise<readonly [Exit['code'], Exit['signal']]> {
  const over = Promise.all(['close', 'disconnect'].map((event) => new Promise<void>((resolve) => child.once(event, () => resolve()))));
  const exit = await new Promise<readonly [Exit['code'], Exit['signal']]>((resolve) => {
    child.once('exit', (code, signal) => resolve([code, signal]));
    child.once('error', () => child.pid === undefined && resolve([1, null]));
  });
  let timer: NodeJS.Timeout | undefined;
  await Promise.race([over, new Promise((resolve) => (timer = setTimeout(resolve, LAST_WORDS_MS)))]);
  clearTimeout(timer);
  return exit;
}
