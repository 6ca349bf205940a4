import { base64Encode } from '../../base/bytes.ts';
import { EncodeError } from '../../base/errors.ts';
import { DateTime, PlainDate } from '../../base/values.ts';
import { MAX_DEPTH } from './json-read.ts';
import { refuseImpossible, refuseTyped, refuseUnsendable, replacement } from './unsendable.ts';

/** PyYAML takes a key for one only when its colon comes within 1024 characters; a longer one is announced by `?`. */
const LONGEST_SIMPLE_KEY = 1000;

/** Printed as they are they would be refused, or taken for line breaks. JSON escapes the rest that YAML must not see. */
const UNPRINTABLE = /[\x7f-\x9f\u2028\u2029\ufeff\ufffe\uffff]/g;

/**
 * A value as YAML in flow style, which PyYAML's `safe_load` reads back as the same value: text always in double quotes,
 * floats with a dot. Throws `EncodeError` naming the path of what cannot be sent.
 */
export function writeYaml(value: unknown): string {
  return `${write(value, '$', 0)}\n`;
}

function write(value: unknown, path: string, depth: number): string {
  switch (typeof value) {
    case 'string':
      return writeText(value);
    case 'boolean':
      return value ? 'true' : 'false';
    case 'number':
      return writeNumber(value);
    case 'bigint':
      return value.toString();
    case 'undefined':
      return 'null';
    case 'object':
      return value === null ? 'null' : writeObject(value, path, depth);
    default:
      throw new EncodeError(`${path}: a ${typeof value} cannot be sent`);
  }
}

function writeText(text: string): string {
  return JSON.stringify(text).replace(UNPRINTABLE, (char) => `\\u${char.charCodeAt(0).toString(16).padStart(4, '0')}`);
}

function writeNumber(value: number): string {
  if (Number.isNaN(value)) return '.nan';
  if (!Number.isFinite(value)) return value > 0 ? '.inf' : '-.inf';
  if (Number.isInteger(value) && Math.abs(value) < 1e21) return BigInt(value).toString();
  const text = String(value);
  // 1e-7 would be text to PyYAML.
  return text.includes('.') ? text : text.replace('e', '.0e');
}

function writeObject(object: object, path: string, depth: number): string {
  if (depth >= MAX_DEPTH) throw new EncodeError(`${path.slice(0, 100)}…: nested deeper than ${MAX_DEPTH} levels, or a cycle`);
  if (Array.isArray(object)) {
    return `[${Array.from(object, (item: unknown, index) => write(item, `${path}[${index}]`, depth + 1)).join(', ')}]`;
  }
  if (object instanceof Uint8Array) return `!!binary "${base64Encode(object)}"`;
  if (object instanceof Set) {
    const keys = Array.from(object, (item: unknown) => `${writeKey(write(item, `${path}{}`, depth + 1))}: null`);
    return `!!set {${keys.join(', ')}}`;
  }
  const timestamp = timestampOf(object, path);
  if (timestamp !== undefined) return `!!timestamp "${timestamp}"`;
  refuseTyped(object, path, 'yaml');
  const other = replacement(object);
  if (other !== undefined) return write(other.value, path, depth + 1);
  refuseUnsendable(object, path);
  const entries = Object.entries(object).filter(([, item]) => item !== undefined);
  return `{${entries.map(([key, item]) => `${writeKey(writeText(key))}: ${write(item, `${path}.${key}`, depth + 1)}`).join(', ')}}`;
}

function timestampOf(object: object, path: string): string | undefined {
  if (object instanceof PlainDate) return object.isoformat();
  if (!(object instanceof Date)) return undefined;
  refuseImpossible(object, path);
  return (object instanceof DateTime ? object : DateTime.fromEpochMs(object.getTime())).isoformat();
}

function writeKey(written: string): string {
  return written.length > LONGEST_SIMPLE_KEY ? `? ${written} ` : written;
}
