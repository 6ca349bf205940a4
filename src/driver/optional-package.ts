import { createRequire } from 'node:module';
import { DecodeError, ImproperlyConfiguredError } from '../base/errors.ts';

/** The part of Node's `require` that loads packages, in the words of this file alone: readers of our types may lack Node's. */
export interface Requires {
  (id: string): unknown;
  resolve(id: string): string;
}

const require = createRequire(import.meta.url);

/** A package that is only needed for one feature, loaded when that feature is first used. */
export class OptionalPackage<T> {
  readonly #feature: string;
  readonly #name: string;
  readonly #load: (require: Requires) => T;
  #loaded: T | undefined;

  /** `feature` and `name` are for the error: what is wanted, and the package that brings it. */
  constructor(feature: string, name: string, load: (require: Requires) => T) {
    this.#feature = feature;
    this.#name = name;
    this.#load = load;
  }

  /** The package, for something of ours. Throws `ImproperlyConfiguredError` naming it when it cannot be loaded. */
  toWrite(): T {
    return this.#get((message, cause) => new ImproperlyConfiguredError(message, { cause }));
  }

  /** The package, for something a peer sent. Throws `DecodeError` naming it when it cannot be loaded. */
  toRead(): T {
    return this.#get((message, cause) => new DecodeError('', message, { cause }));
  }

  #get(failure: (message: string, cause: unknown) => Error): T {
    if (this.#loaded !== undefined) return this.#loaded;
    try {
      this.#loaded = this.#load(require);
      return this.#loaded;
    } catch (error) {
      const why = error instanceof Error ? (error.message.split('\n')[0] ?? '') : String(error);
      throw failure(`${this.#feature} needs the package ${this.#name}: npm install ${this.#name} (${why.slice(0, 200)})`, error);
    }
  }
}
