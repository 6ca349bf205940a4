import type { ResultBackend } from '../backend/backend.ts';
import { openBackend } from '../backend/registry.ts';
import { parseBrokerUrl } from '../base/broker-url.ts';
import type { Host } from '../base/host.ts';
import type { Logger } from '../base/logger.ts';
import type { CompressorRegistry } from '../message/compression.ts';
import type { SerializerRegistry } from '../message/registry.ts';
import type { Channel } from '../transport/transport.ts';
import { messageLimits } from './limits.ts';
import type { Settings } from './settings.ts';

/** What an app's result backend needs of it. */
export interface BackendParts {
  readonly settings: Settings;
  readonly serializers: SerializerRegistry;
  readonly compressors: CompressorRegistry;
  readonly host: Host;
  readonly logger: Logger;
  /** A channel for backends that answer by message. */
  readonly openChannel: () => Promise<Channel>;
}

/** Opens the backend that the settings name. Rejects as `openBackend` of the backend's registry does. */
export function openResultBackend({ settings, serializers, compressors, ...parts }: BackendParts): Promise<ResultBackend> {
  const { result_expires: expires } = settings;
  return openBackend({
    url: settings.result_backend === null ? undefined : parseBrokerUrl(settings.result_backend),
    serializer: serializers.byName(settings.result_serializer),
    registry: serializers,
    accept: serializers.contentTypes(settings.result_accept_content ?? settings.accept_content),
    compressors,
    resultCompression: settings.result_compression ?? undefined,
    ...messageLimits(settings),
    resultExpiresMs: expires === null || expires === 0 ? undefined : expires * 1000,
    persistent: settings.result_persistent ?? false,
    transportOptions: settings.result_backend_transport_options,
    ...parts,
  });
}
