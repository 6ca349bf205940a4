import { DecodeError, EncodeError, ImproperlyConfiguredError, TqError } from '../base/errors.ts';
import { nearest } from '../base/nearest.ts';
import type { Serializer } from './serializer.ts';
import { jsonSerializerWith } from './serializers/json.ts';
import { JsonTypes } from './serializers/json-own-types.ts';
import { rawSerializer } from './serializers/raw.ts';

const PICKLE = new Set(['pickle', 'application/x-python-serialize']);

/** Throws `ImproperlyConfiguredError` for pickle, by name or content type: it is never written, accepted or decoded. */
export function refusePickle(nameOrType: string): void {
  if (PICKLE.has(nameOrType)) throw new ImproperlyConfiguredError('pickle is refused: unpickling runs whatever code a message names');
}

/** Serializers by name and by content type. `kombu/serialization.py SerializerRegistry`. */
export class SerializerRegistry {
  readonly #byName = new Map<string, Serializer>();
  readonly #byContentType = new Map<string, Serializer>();

  /**
   * Adds a serializer, in place of one of the same name or content type. What it throws becomes `EncodeError` or
   * `DecodeError`. Throws `ImproperlyConfiguredError` for pickle and for what is no serializer.
   */
  register(serializer: Serializer): void {
    const { name, contentType, alsoReads = [] } = serializer;
    refusePickle(name);
    if (!/^[^\s/]+$/.test(name)) throw new ImproperlyConfiguredError('the name of a serializer is a word without a slash');
    for (const type of [contentType, ...alsoReads]) {
      refusePickle(type);
      if (!/^[^\s/]+\/[^\s/]+$/.test(type))
        throw new ImproperlyConfiguredError(`the content type of the serializer ${name} is no mime type`);
    }
    const guarded = guard(serializer);
    this.#byName.set(name, guarded);
    for (const type of [contentType, ...alsoReads]) this.#byContentType.set(type, guarded);
  }

  /** Throws `ImproperlyConfiguredError` for a serializer that is not there. */
  byName(name: string): Serializer {
    const serializer = this.#byName.get(name);
    if (serializer !== undefined) return serializer;
    refusePickle(name);
    if (name === 'auth') throw new ImproperlyConfiguredError('auth signs and verifies only after app.setupSecurity()');
    const near = nearest(name, this.#byName.keys());
    throw new ImproperlyConfiguredError(
      `no serializer '${name}'${near === undefined ? '' : `; did you mean '${near}'?`}; there is ${[...this.#byName.keys()].join(', ')}`,
    );
  }

  /** Exact match, case-sensitive, as in kombu. */
  byContentType(contentType: string): Serializer | undefined {
    return this.#byContentType.get(contentType);
  }

  /** The names of all, in the order in which they were registered. */
  names(): string[] {
    return [...this.#byName.keys()];
  }

  /** An accept list as content types: each item is a serializer's name or a mime type. Throws `ImproperlyConfiguredError`. */
  contentTypes(items: readonly string[]): ReadonlySet<string> {
    return new Set(
      items.map((item) => {
        refusePickle(item);
        return item.includes('/') ? item : this.byName(item).contentType;
      }),
    );
  }
}

/** The serializers that need nothing from outside. */
export function defaultRegistry(jsonTypes: JsonTypes = new JsonTypes()): SerializerRegistry {
  const registry = new SerializerRegistry();
  registry.register(jsonSerializerWith(jsonTypes));
  registry.register(rawSerializer);
  return registry;
}

/** The same serializer, which throws its own two errors and no others. `kombu/serialization.py _reraise_errors`. */
function guard(serializer: Serializer): Serializer {
  const { name, contentType, contentEncoding } = serializer;
  return {
    name,
    contentType,
    contentEncoding,
    encodingOf: (value) => serializer.encodingOf?.(value) ?? contentEncoding,
    encode: (value) => {
      try {
        return bytesOf(serializer.encode(value));
      } catch (error) {
        throw error instanceof TqError ? error : new EncodeError(`${name}: ${describe(error)}`, { cause: error });
      }
    },
    decode: (bytes, encoding) => {
      try {
        return serializer.decode(bytes, encoding);
      } catch (error) {
        throw error instanceof TqError ? error : new DecodeError('', `${name}: ${describe(error)}`, { cause: error });
      }
    },
  };
}

/** What a user's function gave, when it is bytes. */
function bytesOf(encoded: unknown): Uint8Array {
  if (encoded instanceof Uint8Array) return encoded;
  throw new TypeError(`a serializer gives a Uint8Array, not a ${typeof encoded}`);
}

function describe(error: unknown): string {
  return error instanceof Error ? error.message.slice(0, 200) : String(error);
}
