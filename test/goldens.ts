/** The bytes that `interop/capture.py` took from each Celery release. */

import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';

const folder = join(import.meta.dirname, '../interop/goldens');

/** The releases captured, oldest first. */
export const goldenVersions: readonly string[] = readdirSync(folder).toSorted();

/** Those whose msgpack and YAML were captured too. */
export const formatVersions: readonly string[] = goldenVersions.filter((version) => existsSync(join(folder, version, 'formats.json')));

/** A message as it was published. `headers_hex` is py-amqp's table of the headers, without its length. */
export interface GoldenMessage {
  readonly exchange: string;
  readonly routing_key: string;
  readonly properties: Readonly<Record<string, unknown>>;
  readonly headers: Readonly<Record<string, unknown>>;
  readonly headers_hex: string;
  readonly body: string;
}

/** What one call published. */
export interface GoldenScenario {
  readonly means: string;
  readonly messages: readonly GoldenMessage[];
}

/** The documents of one release and what they hold. */
export interface Goldens {
  readonly about: { readonly celery: string; readonly kombu: string; readonly amqp: string; readonly python: string };
  readonly 'task-v2': Readonly<Record<string, GoldenScenario>>;
  readonly 'task-v1': Readonly<Record<string, GoldenScenario>>;
  readonly canvas: Readonly<Record<string, GoldenScenario>>;
  readonly rpc: Readonly<Record<string, GoldenScenario>>;
  readonly control: Readonly<Record<string, GoldenScenario>>;
  readonly events: Readonly<Record<string, GoldenScenario>>;
  readonly json: { readonly values: Readonly<Record<string, { python: string; json?: string; back?: string; error?: string }>> };
  readonly saferepr: { readonly rows: Readonly<Record<string, { json?: string; budget: number; args: string; whole?: string }>> };
  readonly formats: GoldenFormats;
  readonly 'amqp-tables': {
    readonly tables: Readonly<Record<string, { json: string; hex: string; python: string }>>;
    readonly 'without json': Readonly<Record<string, { hex: string; python: string }>>;
  };
  readonly envelopes: { readonly messages: Readonly<Record<string, string>>; readonly tables: Readonly<Record<string, string>> };
  /** Base64 of texts, and of what each compression makes of them by its mime type. */
  readonly compressions: {
    readonly texts: Readonly<Record<string, string>>;
    readonly bodies: Readonly<Record<string, Readonly<Record<string, string>>>>;
  };
  readonly results: Readonly<Record<'redis' | 'redis extended', Readonly<Record<string, GoldenStates>>>> & {
    readonly 'redis compressed'?: Readonly<Record<string, GoldenStates>>;
    readonly file: Readonly<Record<string, string>>;
  };
}

/** msgpack and YAML. A text is the bytes, in hexadecimal for msgpack; `json` is the value in kombu's JSON. */
export interface GoldenFormats {
  readonly values: Readonly<Record<string, GoldenValue>>;
  readonly refused: Readonly<Record<string, GoldenValue>>;
  readonly yaml: readonly { readonly text: string; readonly json?: string; readonly error?: string }[];
  readonly msgpack: readonly { readonly hex: string; readonly json?: string; readonly error?: string }[];
}

/** What Python writes for one value, or how it refuses. */
export interface GoldenValue {
  readonly json: string;
  readonly msgpack: string | { readonly error: string };
  readonly yaml: string | { readonly error: string };
}

/** The configurations under which results were stored; compression came with 5.7. */
export type ResultSet = 'redis' | 'redis extended' | 'redis compressed';

/** The Redis commands that stored one task's states. A value that is no text is in base64. */
export interface GoldenStates {
  readonly means: string;
  readonly commands: readonly (readonly (string | number | { readonly base64: string })[])[];
}

/** One document of one release. */
export function golden<Name extends keyof Goldens>(version: string, name: Name): Goldens[Name] {
  return JSON.parse(readFileSync(join(folder, version, `${name}.json`), 'utf8')) as Goldens[Name];
}

/** Every task message of a release, protocol 2 and canvas first. */
export function goldenTasks(version: string): { readonly name: string; readonly protocol: 1 | 2; readonly message: GoldenMessage }[] {
  return (['task-v2', 'canvas', 'task-v1'] as const).flatMap((document) =>
    Object.entries(golden(version, document)).flatMap(([name, { messages }]) =>
      messages.map((message, index) => ({
        name: `${document} ${name} ${index}`,
        protocol: document === 'task-v1' ? (1 as const) : (2 as const),
        message,
      })),
    ),
  );
}

/** The values that one case stored, in order, as bytes. */
export function storedBytes(states: GoldenStates): Uint8Array[] {
  return states.commands
    .filter(([command]) => command === 'SETEX')
    .map((command) => {
      const value = command[3];
      return typeof value === 'object' ? Buffer.from(value.base64, 'base64') : Buffer.from(String(value));
    });
}
