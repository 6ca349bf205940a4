import { loadavg, type } from 'node:os';
import { packageVersion } from '../driver/version.ts';
import type { EventDispatcher } from '../events/dispatcher.ts';
import type { ConsumerContext } from './consumer.ts';
import type { WorkerHooks } from './hooks.ts';
import type { WorkerState } from './state.ts';
import type { Step } from './steps.ts';

/** What this software says of itself in worker events. `celery/worker/state.py SOFTWARE_INFO`. */
export const SOFTWARE_INFO: Readonly<Record<'sw_ident' | 'sw_ver' | 'sw_sys', string>> = {
  sw_ident: 'tq-bridge',
  sw_ver: packageVersion(),
  sw_sys: type(),
};

/** What a heartbeat needs. */
export interface HeartbeatOptions {
  readonly dispatcher: EventDispatcher;
  readonly state: WorkerState;
  /** Seconds between two. */
  readonly interval: number;
}

/** Celery's default, in seconds. */
export const HEARTBEAT_INTERVAL = 2;

/**
 * Says that the worker is there, for as long as it consumes: a warm shutdown goes on saying it until the last task has
 * ended. `celery/worker/heartbeat.py`.
 */
export class Heartbeat implements Step<ConsumerContext> {
  readonly name = 'heart';
  readonly #options: HeartbeatOptions;
  #timer: NodeJS.Timeout | undefined;

  constructor(options: HeartbeatOptions) {
    this.#options = options;
  }

  start(): void {
    this.#send('worker-online');
    this.#timer = setInterval(() => this.#send('worker-heartbeat'), this.#options.interval * 1000).unref();
  }

  stop(): void {
    clearInterval(this.#timer);
    this.#send('worker-offline');
  }

  lost(): void {
    clearInterval(this.#timer);
  }

  #send(event: string): void {
    const { dispatcher, state, interval } = this.#options;
    const loads = loadavg().map((load) => Math.round(load * 100) / 100);
    dispatcher.send(event, { freq: interval, active: state.active.size, processed: state.processed, loadavg: loads, ...SOFTWARE_INFO });
  }
}

/** Seconds between heartbeats that a worker asked for one claims. `celery/worker/control.py heartbeat`. */
const ASKED_FREQ = 5;

/** What remote control does with events. `celery/worker/control.py enable_events, disable_events, heartbeat`. */
export function eventsHook(events: EventDispatcher): NonNullable<WorkerHooks['events']> {
  return {
    enable: () => ({ ok: events.enable('task') ? 'task events enabled' : 'task events already enabled' }),
    disable: () => ({ ok: events.disable('task') ? 'task events disabled' : 'task events already disabled' }),
    heartbeat: () => events.send('worker-heartbeat', { freq: ASKED_FREQ, ...SOFTWARE_INFO }),
    send: (type, fields) => events.send(type, fields),
  };
}
