import { ImproperlyConfiguredError } from '../base/errors.ts';
import { nearest } from '../base/nearest.ts';
import type { Serializer } from './serializer.ts';
import { jsonSerializer } from './serializers/json.ts';

/** Serializers by name and by content type. `kombu/serialization.py SerializerRegistry`. */
export class SerializerRegistry {
  readonly #byName = new Map<string, Serializer>();
  readonly #byContentType = new Map<string, Serializer>();

  register(serializer: Serializer): void {
    this.#byName.set(serializer.name, serializer);
    this.#byContentType.set(serializer.contentType, serializer);
  }

  /** Throws `ImproperlyConfiguredError` for a serializer that is not there. */
  byName(name: string): Serializer {
    const serializer = this.#byName.get(name);
    if (serializer !== undefined) return serializer;
    if (name === 'pickle') throw new ImproperlyConfiguredError('pickle is refused: unpickling runs whatever code a message names');
    const near = nearest(name, this.#byName.keys());
    throw new ImproperlyConfiguredError(
      `no serializer '${name}'${near === undefined ? '' : `; did you mean '${near}'?`}; there is ${[...this.#byName.keys()].join(', ')}`,
    );
  }

  /** Exact match, case-sensitive, as in kombu. */
  byContentType(contentType: string): Serializer | undefined {
    return this.#byContentType.get(contentType);
  }

  /** An accept list as content types: each item is a serializer's name or a mime type. */
  contentTypes(items: readonly string[]): ReadonlySet<string> {
    return new Set(items.map((item) => (item.includes('/') ? item : this.byName(item).contentType)));
  }
}

/** The serializers that are built in. */
export function defaultRegistry(): SerializerRegistry {
  const registry = new SerializerRegistry();
  registry.register(jsonSerializer);
  return registry;
}
