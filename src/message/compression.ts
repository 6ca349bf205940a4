import { ImproperlyConfiguredError } from '../base/errors.ts';
import { nearest } from '../base/nearest.ts';

/** One compression kombu knows (`kombu/compression.py`). Implementations live in `driver`. */
export interface Compressor {
  readonly name: string;
  readonly aliases: readonly string[];
  /** The value of the `compression` header. */
  readonly contentType: string;
  /** Throws `ImproperlyConfiguredError` when an optional package that it needs is missing. */
  readonly compress: (bytes: Uint8Array) => Uint8Array;
  /** Throws `DecodeError` on bytes of another format or when a package is missing, `LimitError` above `maxBytes`. */
  readonly decompress: (bytes: Uint8Array, maxBytes: number) => Uint8Array;
}

/** Compressions by name, alias or mime type: receivers take any of the three. */
export class CompressorRegistry {
  readonly #byName = new Map<string, Compressor>();

  register(compressor: Compressor): void {
    for (const name of [compressor.name, compressor.contentType, ...compressor.aliases]) this.#byName.set(name, compressor);
  }

  find(nameOrMime: string): Compressor | undefined {
    return this.#byName.get(nameOrMime);
  }

  /** The name of each. */
  names(): string[] {
    return [...new Set([...this.#byName.values()].map(({ name }) => name))];
  }

  /** Throws `ImproperlyConfiguredError` for a compression that is not there. */
  byName(nameOrMime: string): Compressor {
    const compressor = this.#byName.get(nameOrMime);
    if (compressor !== undefined) return compressor;
    const near = nearest(nameOrMime, this.#byName.keys());
    throw new ImproperlyConfiguredError(`no compression '${nameOrMime}'${near === undefined ? '' : `; did you mean '${near}'?`}`);
  }
}
