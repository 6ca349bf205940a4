import { ImproperlyConfiguredError } from '../base/errors.ts';
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
  /** Name or mime type of the compression of stored results; `openBackend` turns it into `resultCompressor`. */
  readonly resultCompression?: string | undefined;
  readonly resultExpiresMs: number | undefined;
  readonly persistent: boolean;
  readonly host: Host;
  readonly logger: Logger;
  readonly transportOptions: Readonly<Record<string, unknown>>;
  /** A channel on a live broker connection; again after it was lost. */
  readonly openChannel: () => Promise<Channel>;
}

/** `result_backend_transport_options` as one backend knows them. Throws `ImproperlyConfiguredError` naming any other. */
export function transportOptions<Name extends string>(
  { transportOptions: given, url }: Pick<BackendOptions, 'transportOptions' | 'url'>,
  known: readonly Name[],
): { readonly [key in Name]?: unknown } {
  for (const name of Object.keys(given)) {
    if (!known.some((one) => one === name))
      throw new ImproperlyConfiguredError(
        `result_backend_transport_options: ${name} is not built for ${url?.scheme ?? 'disabled'}://; there is ${known.join(', ') || 'nothing to set'}`,
      );
  }
  return given as { readonly [key in Name]?: unknown };
}
