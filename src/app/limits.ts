import type { MessageLimits } from '../base/limits.ts';
import type { Settings } from './settings.ts';

/** The ceilings that the settings name, as the rooms below take them. */
export function messageLimits(settings: Settings): MessageLimits {
  return {
    maxBodyBytes: settings.message_max_bytes,
    maxDecompressedBytes: settings.message_max_decompressed_bytes,
    maxDecompressedRatio: settings.message_max_decompressed_ratio,
    maxDepth: settings.message_max_depth,
    maxHeaders: settings.message_max_headers,
    maxHeaderBytes: settings.message_max_header_bytes,
    maxIdLength: settings.message_max_id_length,
  };
}
