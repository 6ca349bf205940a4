import type { LamportClock } from '../base/lamport.ts';
import type { Logger } from '../base/logger.ts';
import { encodeMessage } from '../message/encode.ts';
import type { Message, MessageProperties } from '../message/message.ts';
import type { Serializer } from '../message/serializer.ts';
import type { MailboxSettings } from './topology.ts';

/** What both ends of remote control share: how values become messages, and the clock that goes with them. */
export interface Post {
  readonly mailbox: MailboxSettings;
  readonly clock: LamportClock;
  readonly logger: Logger;
  readonly serializer: Serializer;
  /** The value of a message; throws as `decodeMessage`. */
  readonly decode: (message: Message) => unknown;
}

/** A control message, with the clock in its headers. */
export function stamped({ clock, serializer }: Post, value: unknown, headers: Message['headers'], properties: MessageProperties): Message {
  return encodeMessage(value, { serializer, compressor: undefined, headers: { ...headers, clock: clock.forward() }, properties });
}
