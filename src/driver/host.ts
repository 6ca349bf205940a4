import { randomUUID } from 'node:crypto';
import { hostname } from 'node:os';
import type { Host } from '../base/host.ts';

/** The machine this process runs on. */
export const systemHost: Host = {
  now: () => Date.now(),
  uuid: () => randomUUID(),
  hostname: hostname(),
  pid: process.pid,
};
