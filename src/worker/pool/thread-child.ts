import { Worker as Thread } from 'node:worker_threads';
import { entryUrl } from './child.ts';
import type { Child, ChildEvents } from './child.ts';
import { isFromChild } from './wire.ts';
import type { ToChild } from './wire.ts';

/** Starts a thread. `process.exit` in it ends the thread alone, and its heap has limits of its own. */
export function startThread({ onMessage, onExit }: ChildEvents): Child {
  const thread = new Thread(entryUrl());
  let outOfMemory = false;
  thread.on('message', (message: unknown) => {
    if (isFromChild(message)) onMessage(message);
  });
  thread.on('error', (error) => {
    outOfMemory ||= error instanceof Error && 'code' in error && error.code === 'ERR_WORKER_OUT_OF_MEMORY';
  });
  thread.once('exit', (code) => onExit({ code, signal: null, outOfMemory }));
  return {
    pid: process.pid,
    send: (message: ToChild) => thread.postMessage(message),
    kill: () => void thread.terminate(),
  };
}
