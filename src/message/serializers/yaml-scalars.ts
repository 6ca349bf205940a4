import { base64Decode } from '../../base/bytes.ts';
import { DecodeError } from '../../base/errors.ts';
import { DateTime, PlainDate } from '../../base/values.ts';

/** Python refuses longer integers too (`sys.int_info.default_max_str_digits`). */
const MAX_DIGITS = 4300;

const BOOL = /^(?:yes|no|true|false|on|off)$/i;
const WORD = /^(?:[a-z]+|[A-Z][a-z]*|[A-Z]+)$/;
const NULL = /^(?:~|null|Null|NULL|)$/;
const INT = /^[-+]?(?:0b[01_]+|0[0-7_]+|0|[1-9][0-9_]*|0x[0-9a-fA-F_]+|[1-9][0-9_]*(?::[0-5]?[0-9])+)$/;
const FLOAT =
  /^(?:[-+]?[0-9][0-9_]*\.[0-9_]*(?:[eE][-+][0-9]+)?|\.[0-9][0-9_]*(?:[eE][-+][0-9]+)?|[-+]?[0-9][0-9_]*(?::[0-5]?[0-9])+\.[0-9_]*|[-+]?\.(?:inf|Inf|INF)|\.(?:nan|NaN|NAN))$/;
const TIMESTAMP =
  /^(\d{4})-(\d\d?)-(\d\d?)(?:(?:[Tt]|[ \t]+)(\d\d?):(\d\d):(\d\d)(?:\.(\d*))?(?:[ \t]*(?:(Z)|([-+])(\d\d?)(?::(\d\d))?))?)?$/;
const DATE = /^\d{4}-\d\d-\d\d$/;

/**
 * The tag that PyYAML's resolver gives a plain scalar: YAML 1.1, except that `y` and `n` are text, and that an exponent needs
 * both a dot and a sign.
 */
export function resolveTag(text: string): string {
  if (text.length > 0 && !/^[-+.0-9~=<yYnNtTfFoO]/.test(text)) return 'str';
  if (BOOL.test(text) && WORD.test(text)) return 'bool';
  if (FLOAT.test(text)) return 'float';
  if (INT.test(text)) return 'int';
  if (text === '<<') return 'merge';
  if (NULL.test(text)) return 'null';
  if (TIMESTAMP.test(text) && (text.length > 10 || DATE.test(text))) return 'timestamp';
  return text === '=' ? 'value' : 'str';
}

type Construct = (text: string) => unknown;

const CONSTRUCTORS: ReadonlyMap<string, Construct> = new Map<string, Construct>([
  ['str', (text) => text],
  ['null', () => null],
  ['bool', readBool],
  ['int', readInt],
  ['float', readFloat],
  ['timestamp', readTimestamp],
  ['binary', (text) => base64Decode(text.replaceAll(/\s/g, ''))],
]);

/** The value of a scalar of one of YAML's own types, short name. Throws `DecodeError`. */
export function readScalar(tag: string, text: string): unknown {
  const construct = CONSTRUCTORS.get(tag);
  if (construct === undefined) throw new DecodeError('', `a scalar cannot be tagged ${tag.slice(0, 100)}`);
  return construct(text);
}

function readBool(text: string): boolean {
  if (!BOOL.test(text)) throw notA('bool', text);
  return /^(?:yes|true|on)$/i.test(text);
}

function readInt(text: string): number | bigint {
  const digits = text.replaceAll('_', '');
  const sign = digits.startsWith('-') ? -1n : 1n;
  const magnitude = magnitudeOf(digits.replace(/^[-+]/, ''), text);
  const number = Number(sign * magnitude);
  return Number.isSafeInteger(number) ? number : sign * magnitude;
}

function magnitudeOf(digits: string, text: string): bigint {
  if (digits.length > MAX_DIGITS) throw new DecodeError('', `an integer of ${digits.length} digits; the limit is ${MAX_DIGITS}`);
  if (/^0b[01]+$/.test(digits) || /^0x[0-9a-fA-F]+$/.test(digits)) return BigInt(digits);
  if (/^0[0-7]+$/.test(digits)) return BigInt(`0o${digits.slice(1)}`);
  if (/^\d+(?::\d+)+$/.test(digits)) return digits.split(':').reduce((sum, part) => sum * 60n + BigInt(part), 0n);
  if (/^\d+$/.test(digits)) return BigInt(digits);
  throw notA('int', text);
}

function readFloat(text: string): number {
  const digits = text.replaceAll('_', '').toLowerCase();
  const sign = digits.startsWith('-') ? -1 : 1;
  const magnitude = digits.replace(/^[-+]/, '');
  if (magnitude === '.inf') return sign * Infinity;
  if (magnitude === '.nan') return Number.NaN;
  if (/^\d+(?::\d+)+(?:\.\d*)?$/.test(magnitude)) return sign * magnitude.split(':').reduce((sum, part) => sum * 60 + Number(part), 0);
  if (!/^(?:\d+\.?\d*|\.\d+)(?:e[-+]?\d+)?$/.test(magnitude)) throw notA('float', text);
  return sign * Number(magnitude);
}

function readTimestamp(text: string): PlainDate | DateTime {
  const match = TIMESTAMP.exec(text);
  if (match === null) throw notA('timestamp', text);
  const [, year, month = '', day = '', hour, minute, second, fraction = '', utc, sign, zoneHour = '', zoneMinute = '00'] = match;
  const date = `${year}-${month.padStart(2, '0')}-${day.padStart(2, '0')}`;
  if (hour === undefined) return PlainDate.fromIso(date) ?? fail(text);
  const offset = utc !== undefined ? 'Z' : sign === undefined ? '' : `${sign}${zoneHour.padStart(2, '0')}:${zoneMinute}`;
  const time = `${hour.padStart(2, '0')}:${minute}:${second}.${fraction.slice(0, 6).padEnd(6, '0')}`;
  return DateTime.fromIso(`${date}T${time}${offset}`) ?? fail(text);
}

function fail(text: string): never {
  throw notA('timestamp', text);
}

function notA(what: string, text: string): DecodeError {
  return new DecodeError('', `not a ${what}: '${text.slice(0, 100)}'`);
}
