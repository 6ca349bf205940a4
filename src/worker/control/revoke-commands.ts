import type { SignalName } from '../../base/signal-name.ts';
import { constants } from 'node:os';
import { CommandError, ok } from '../../control/panel.ts';
import type { CommandHandler } from '../../control/panel.ts';
import { saferepr } from '../../protocol/saferepr.ts';
import { storeRevoked } from '../results.ts';
import { textOf, textsOf } from './arguments.ts';
import type { Arguments } from './arguments.ts';
import type { ControlContext } from './context.ts';

/** Ids whose state is stored after one command: as many as are remembered. */
const MOST_STORED = 50_000;
/** Stores under way at once. */
const STORES_AT_ONCE = 50;

/** Celery's commands that revoke. `celery/worker/control.py revoke, terminate, revoke_by_stamped_headers`. */
export const revokeCommands: Readonly<Record<string, CommandHandler<ControlContext>>> = {
  revoke: (context, args) => revoke(context, args, args['terminate'] === true),
  terminate: (context, args) => revoke(context, args, true),
  revoke_by_stamped_headers: revokeByStampedHeaders,
};

async function revoke(context: ControlContext, args: Arguments, terminate: boolean): Promise<unknown> {
  const { worker } = context;
  const ids = textsOf(args, 'task_id');
  const signal = terminate ? signalOf(args) : undefined;
  worker.state.revoked.ids.add(ids);
  const running = new Set([...worker.state.active].map(({ pending }) => pending.request.id));
  await storeStates(context, ids.filter((id) => !running.has(id)).slice(-MOST_STORED));
  if (signal === undefined) {
    worker.logger.info(`Tasks flagged as revoked: ${listed(ids)}`);
    return ok(`tasks ${setRepr(ids)} flagged as revoked`);
  }
  const held = new Set(
    [...worker.state.reserved(), ...worker.state.scheduled().map(({ pending }) => pending)].map(({ request }) => request.id),
  );
  const ended = ids.filter((id) => worker.terminateTask(id, signal) || held.has(id));
  if (ended.length > 0) worker.logger.info(`Terminating ${listed(ended)} (${signal})`);
  return ok(ended.length === 0 ? 'terminate: tasks unknown' : `terminate: ${ended.join(', ')}`);
}

/** REVOKED for whoever waits, unless the task has ended or runs somewhere. */
async function storeStates({ app, worker }: ControlContext, ids: readonly string[]): Promise<void> {
  const left = ids.values();
  const storeSome = async (): Promise<void> => {
    for (const id of left)
      await storeRevoked(app, id).catch((error: unknown) =>
        worker.logger.warning(`Failed to mark task ${id.slice(0, 256)} as revoked in backend: ${String(error)}`),
      );
  };
  await Promise.all(Array.from({ length: Math.min(STORES_AT_ONCE, ids.length) }, storeSome));
}

function revokeByStampedHeaders({ worker }: ControlContext, args: Arguments): unknown {
  const terminate = args['terminate'] === true;
  const signal = signalOf(args);
  const headers = headersOf(args['headers']);
  for (const [header, stamps] of Object.entries(headers)) worker.state.revoked.addStamps(header, listOf(stamps));
  if (!terminate) return ok(`headers ${saferepr(headers)} flagged as revoked, but not terminated`);
  const hit = new Map<string, Set<unknown>>();
  for (const { pending } of worker.state.active) {
    const { id, stamps } = pending.request;
    for (const [header, wanted] of Object.entries(headers)) {
      const shared = Object.hasOwn(stamps, header) ? listOf(stamps[header]).filter((stamp) => listOf(wanted).includes(stamp)) : [];
      if (shared.length === 0) continue;
      hit.set(header, new Set([...(hit.get(header) ?? []), ...shared]));
      worker.terminateTask(id, signal);
    }
  }
  if (hit.size === 0) return ok(`headers ${saferepr(headers)} were not terminated`);
  const shown = [...hit].map(([header, stamps]) => `${saferepr(header)}: ${setRepr([...stamps])}`);
  return ok(`headers defaultdict(<class 'set'>, {${shown.join(', ')}}) revoked`);
}

function headersOf(value: unknown): Readonly<Record<string, unknown>> {
  if (Array.isArray(value)) return Object.fromEntries(value.map(pairOf));
  if (typeof value === 'object' && value !== null) return value as Readonly<Record<string, unknown>>;
  throw new CommandError('TypeError', 'headers must be an object or a list of key=value');
}

function pairOf(item: unknown): readonly [string, string] {
  const [key, value] = typeof item === 'string' ? item.split('=') : [];
  if (key === undefined || value === undefined) throw new CommandError('IndexError', 'list index out of range');
  return [key, value];
}

function listOf(value: unknown): readonly unknown[] {
  return Array.isArray(value) ? value : [value];
}

/** A signal by name or number, SIGTERM by default. */
function signalOf(args: Arguments): SignalName {
  const { signal = null } = args;
  const numbers: Readonly<Record<string, number>> = constants.signals;
  if (signal === null) return 'SIGTERM';
  if (typeof signal === 'number') {
    const name = Object.keys(numbers).find((key) => numbers[key] === signal);
    if (name !== undefined) return name as SignalName;
  }
  const upper = typeof signal === 'string' ? textOf(args, 'signal').toUpperCase() : '';
  const name = upper.startsWith('SIG') ? upper : `SIG${upper}`;
  if (Object.hasOwn(numbers, name)) return name as SignalName;
  throw new CommandError('AttributeError', `module 'signal' has no attribute '${name.slice(0, 50)}'`);
}

function setRepr(items: readonly unknown[]): string {
  return items.length === 0 ? 'set()' : `{${items.map((item) => saferepr(item)).join(', ')}}`;
}

/** Ids in one line of the log. */
const LISTED = 10;

function listed(ids: readonly string[]): string {
  const more = ids.length > LISTED ? ` and ${ids.length - LISTED} more` : '';
  return `${ids
    .slice(0, LISTED)
    .map((id) => id.slice(0, 256))
    .join(', ')}${more}`;
}
