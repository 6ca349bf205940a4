import { tryUtf8 } from '../base/bytes.ts';
import { TqError } from '../base/errors.ts';
import type { Celery } from '../celery.ts';
import { decodeMeta, splitCompressedResult } from '../protocol/result.ts';
import { isPropagatingState, isReadyState } from '../protocol/state.ts';
import { pythonReads } from '../protocol/python/result.ts';
import type { Report } from './report.ts';
import { typedPlaces } from './typed-places.ts';

/** Everything there is to say about a stored result. Total, whatever is stored. */
export function inspectResult(app: Celery, bytes: Uint8Array): Report {
  const compressed = splitCompressedResult(bytes);
  const value = read(app, bytes);
  const failed = value instanceof TqError;
  const seen = { value: failed ? undefined : value, compressed: compressed !== undefined };
  return {
    form: 'result',
    body_bytes: bytes.length,
    ...(compressed === undefined ? undefined : { compression: compressed.mime }),
    ...(failed
      ? { unreadable: value.message, body: (tryUtf8(bytes) ?? `hex ${hex(bytes)}`).slice(0, 2000) }
      : { result: value, typed: typedPlaces(value) }),
    python: { '5.7': pythonReads(seen, '5.7'), '5.6': pythonReads(seen, '5.6') },
    tq_bridge: ours(value),
  };
}

function read(app: Celery, bytes: Uint8Array): unknown {
  try {
    const compressed = splitCompressedResult(bytes);
    const serializer = app.serializers.byName(app.settings.result_serializer);
    if (compressed === undefined) return serializer.decode(bytes);
    const compressor = app.compressors.byName(compressed.mime);
    return serializer.decode(compressor.decompress(compressed.body, app.settings.message_max_decompressed_bytes));
  } catch (error) {
    if (error instanceof TqError) return error;
    throw error;
  }
}

/** What `AsyncResult.get` of ours does with it. */
function ours(value: unknown): string {
  if (value instanceof TqError) return 'rejects with ResultDecodeError';
  try {
    const { status } = decodeMeta(value, '?');
    if (!isReadyState(status)) return 'waits: the state is not final';
    if (status === 'REVOKED') return 'rejects with TaskRevokedError';
    return isPropagatingState(status) ? 'rejects with TaskFailedError, whose class and arguments are data' : 'resolves with the result';
  } catch (error) {
    if (error instanceof TqError) return `rejects with ResultDecodeError: ${error.message}`;
    throw error;
  }
}

function hex(bytes: Uint8Array): string {
  return Buffer.from(bytes.subarray(0, 1000)).toString('hex');
}
