import { LimitError } from './errors.ts';

/**
 * Ceilings for what a peer sends. The app fills them in from its settings once and hands them down; `docs/security.md` has the
 * table. Bytes and counts.
 */
export interface MessageLimits {
  /** A body as it arrives. */
  readonly maxBodyBytes: number;
  /** A body after decompression. */
  readonly maxDecompressedBytes: number;
  /** A body after decompression against the same before, beyond `RATIO_FREE_BYTES`. */
  readonly maxDecompressedRatio: number;
  /** Arrays and objects within one another. */
  readonly maxDepth: number;
  /** Headers of one message. */
  readonly maxHeaders: number;
  /** All headers of one message, as UTF-8 text. */
  readonly maxHeaderBytes: number;
  /** Characters of a task id. */
  readonly maxIdLength: number;
}

/** Ceilings that no real workload meets. */
export const DEFAULT_LIMITS: MessageLimits = Object.freeze({
  maxBodyBytes: 128 * 1024 * 1024,
  maxDecompressedBytes: 64 * 1024 * 1024,
  maxDecompressedRatio: 200,
  maxDepth: 1000,
  maxHeaders: 1000,
  maxHeaderBytes: 128 * 1024,
  maxIdLength: 1024,
});

/** Output of up to this many bytes is never held against its ratio: small bodies of one letter compress well. */
export const RATIO_FREE_BYTES: number = 1024 * 1024;

/** Characters of one text of a peer's in a log line. */
export const LOG_FIELD_LENGTH: number = 1024;

/** The most that `bytes` compressed bytes may become. */
export function outputCeiling(bytes: number, limits: Pick<MessageLimits, 'maxDecompressedBytes' | 'maxDecompressedRatio'>): number {
  return Math.min(limits.maxDecompressedBytes, Math.max(RATIO_FREE_BYTES, bytes * limits.maxDecompressedRatio));
}

/** Throws `LimitError` for headers that are too many, too large or too deep. */
export function checkHeaders(headers: Readonly<Record<string, unknown>>, limits: MessageLimits): void {
  let count = 0;
  for (const _name in headers) count += 1;
  if (count > limits.maxHeaders) throw new LimitError(`${count} headers; the limit is ${limits.maxHeaders}`);
  const most = limits.maxHeaderBytes;
  // Three bytes a character are the most there can be: nearly always that settles it.
  if (textSize(headers, 3, limits.maxDepth) > most && textSize(headers, 1, limits.maxDepth) > most)
    throw new LimitError(`headers of more than ${most} bytes`);
}

/** Throws `LimitError` for a value whose arrays and objects lie deeper within one another than `maxDepth`. */
export function checkDepth(value: unknown, maxDepth: number): void {
  let level: readonly unknown[] = [value];
  for (let depth = 0; level.length > 0; depth += 1) {
    const containers = level.filter(isContainer);
    if (containers.length > 0 && depth >= maxDepth) throw tooDeep(maxDepth);
    level = containers.flatMap((container) => Object.values(container));
  }
}

/** The size of keys and texts at this many bytes a character, or exactly when that is 1; anything else counts as a number. */
function textSize(value: unknown, perCharacter: number, maxDepth: number, depth = 0): number {
  if (typeof value === 'string') return perCharacter === 1 ? utf8Length(value) : value.length * perCharacter;
  if (value instanceof Uint8Array) return value.length;
  if (!isContainer(value)) return 8;
  if (depth >= maxDepth) throw tooDeep(maxDepth);
  let size = 0;
  for (const [key, inner] of Object.entries(value)) {
    if (!Array.isArray(value)) size += textSize(key, perCharacter, maxDepth);
    size += textSize(inner, perCharacter, maxDepth, depth + 1);
  }
  return size;
}

function tooDeep(maxDepth: number): LimitError {
  return new LimitError(`nested deeper than ${maxDepth} levels`);
}

/** Plain objects and arrays: dates, bytes and typed values have no depth. */
function isContainer(value: unknown): value is object {
  if (typeof value !== 'object' || value === null) return false;
  if (Array.isArray(value)) return true;
  const prototype: unknown = Object.getPrototypeOf(value);
  return prototype === Object.prototype || prototype === null;
}

function utf8Length(text: string): number {
  let bytes = text.length;
  for (let index = 0; index < text.length; index += 1) {
    const code = text.charCodeAt(index);
    if (code >= 0x80) bytes += code >= 0x800 && (code < 0xd800 || code > 0xdfff) ? 2 : 1;
  }
  return bytes;
}
