import { DecodeError, LimitError } from '../base/errors.ts';

/** How many frames or streams may follow one another in one body: each costs its reader a start of its own. */
export const MOST_MEMBERS = 1000;

/**
 * Bytes that node:zlib sets aside at a time for the output of `size` bytes of input: what it takes by default costs a small
 * body a fifth of its time, and is collected piece by piece for a large one.
 */
export function outputChunk(size: number): number {
  if (size < 320) return 4096;
  return size < 8192 ? 16_384 : 65_536;
}

/** The error for output over its ceiling. */
export function tooLarge(maxBytes: number): LimitError {
  return new LimitError(`a compressed body of more than ${maxBytes} bytes`);
}

/** The error for more members than `MOST_MEMBERS`. */
export function tooMany(): LimitError {
  return new LimitError(`a compressed body of more than ${MOST_MEMBERS} parts`);
}

/**
 * Runs a library's reader and gives its errors our names. Throws `LimitError` when node:zlib says that the output would be
 * larger than `maxBytes`, `DecodeError` for anything else that is wrong with the bytes.
 */
export function unpack<T>(format: string, maxBytes: number, read: () => T): T {
  try {
    return read();
  } catch (error) {
    if (error instanceof LimitError || error instanceof DecodeError) throw error;
    if (error instanceof RangeError) throw tooLarge(maxBytes);
    throw new DecodeError('', `not ${format}`, { cause: error });
  }
}
