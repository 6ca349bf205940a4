import type { BrokerUrl } from '../base/broker-url.ts';
import type { Host } from '../base/host.ts';
import type { Logger } from '../base/logger.ts';
import type { SerializerRegistry } from '../message/registry.ts';
import type { Channel } from '../transport/transport.ts';
import type { ResultCodec } from './encoding.ts';

/** What the backends are made from. */
export interface BackendOptions extends ResultCodec {
  /** `undefined`: no backend. */
  readonly url: BrokerUrl | undefined;
  readonly registry: SerializerRegistry;
  /** Content types of results that travel as messages. */
  readonly accept: ReadonlySet<string>;
  readonly resultExpiresMs: number | undefined;
  readonly persistent: boolean;
  readonly host: Host;
  readonly logger: Logger;
  readonly transportOptions: Readonly<Record<string, unknown>>;
  /** A channel on a live broker connection; again after it was lost. */
  readonly openChannel: () => Promise<Channel>;
}
