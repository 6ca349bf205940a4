import { DecodeError, EncodeError } from '../../base/errors.ts';
import { messageOf } from '../../base/message-of.ts';

/** A class whose instances a user wants to send. */
export type JsonClass<T> = abstract new (...args: never[]) => T;

interface JsonType {
  readonly type: JsonClass<unknown>;
  readonly marker: string | null;
  readonly encode: (value: never) => unknown;
}

/** What stands for a value: `encoded` within an envelope of that marker, or as it is. */
export interface EncodedType {
  readonly marker: string | null;
  readonly encoded: unknown;
}

/** Types of the user's own in kombu's JSON. `kombu/utils/json.py register_type`. */
export class JsonTypes {
  readonly #encoders: JsonType[] = [];
  readonly #decoders = new Map<string, (value: never) => unknown>();

  /**
   * Sends instances of `type` as what `encode` makes of them, within an envelope of `marker`, which `decode` reads again. A
   * `marker` of null sends what `encode` makes without an envelope. The type registered first wins; all win over `toJSON`.
   */
  register<T>(type: JsonClass<T>, marker: string | null, encode: (value: T) => unknown, decode: (value: never) => unknown): void {
    const index = this.#encoders.findIndex((known) => known.type === type);
    const entry: JsonType = { type, marker, encode: encode as (value: never) => unknown };
    if (index < 0) this.#encoders.push(entry);
    else this.#encoders[index] = entry;
    if (marker !== null) this.#decoders.set(marker, decode);
  }

  /** Throws `EncodeError` when the user's function throws. */
  encode(value: object, path: string): EncodedType | undefined {
    const entry = this.#encoders.find(({ type }) => value instanceof type);
    if (entry === undefined) return undefined;
    const { marker, encode } = entry;
    return {
      marker,
      encoded: attempt(
        () => encode(value as never),
        (text, cause) => new EncodeError(`${path}: ${text}`, { cause }),
      ),
    };
  }

  /** The value of an envelope, when its marker is registered. Throws `DecodeError` when the user's function throws. */
  decode(marker: string, value: unknown): { readonly value: unknown } | undefined {
    const decode = this.#decoders.get(marker);
    if (decode === undefined) return undefined;
    return {
      value:
        attempt(
          () => decode(value as never),
          (text, cause) => new DecodeError('', `${marker}: ${text}`, { cause }),
        ) ?? null,
    };
  }
}

/** No types but kombu's own. */
export const NO_TYPES: JsonTypes = new JsonTypes();

function attempt(run: () => unknown, toError: (text: string, cause: unknown) => Error): unknown {
  try {
    return run();
  } catch (error) {
    throw toError(messageOf(error), error);
  }
}
