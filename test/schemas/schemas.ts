/** The published JSON Schemas, compiled by ajv in strict mode. */

import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';

import { Ajv2020 } from 'ajv/dist/2020.js';
import type { ValidateFunction } from 'ajv/dist/2020.js';
import addFormats from 'ajv-formats';

const folder = join(import.meta.dirname, '../../schemas');

/** Every schema by its file's name without the ending. */
export const schemas: ReadonlyMap<string, Readonly<Record<string, unknown>>> = new Map(
  readdirSync(folder).map((file) => [
    file.replace(/\.json$/, ''),
    JSON.parse(readFileSync(join(folder, file), 'utf8')) as Record<string, unknown>,
  ]),
);

const ajv = new Ajv2020({ strict: true, allErrors: true });
addFormats.default(ajv);
for (const schema of schemas.values()) ajv.addSchema(schema);

/** The check of one schema. Throws an `Error` for a name that is none and for a schema that is not strict. */
export function validator(name: string): ValidateFunction {
  const check = ajv.getSchema(`urn:tq-bridge:${name}`);
  if (check === undefined) throw new Error(`no schema is called ${name}`);
  return check as ValidateFunction;
}

/** What is wrong with a value, one line per error; none when it is valid. */
export function errorsOf(name: string, value: unknown): string[] {
  const check = validator(name);
  return check(value) ? [] : (check.errors ?? []).map((error) => `${error.instancePath} ${error.message ?? ''}`);
}
