import type { MailboxSettings } from '../control/topology.ts';
import type { Settings } from './settings.ts';

/** The settings of the control queues. */
export function mailboxSettings(settings: Settings): MailboxSettings {
  return {
    namespace: settings.control_exchange,
    ttl: settings.control_queue_ttl,
    expires: settings.control_queue_expires,
    exclusive: settings.control_queue_exclusive,
    durable: settings.control_queue_durable,
  };
}
