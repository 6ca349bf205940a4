import { tryUtf8 } from '../base/bytes.ts';
import { codePoints, scalarRepr, truncate } from './pyrepr.ts';

/** Limits of a representation: `AMQP.argsrepr_maxsize` and `task_repr_maxlevels`. */
export interface ReprLimits {
  readonly maxLength?: number;
  readonly maxLevels?: number;
}

const NO_ARGUMENTS = '()';
const NO_KEYWORDS = '{}';

/** Positional arguments as Python prints a tuple. */
export function argsRepr(args: readonly unknown[], limits: ReprLimits = {}): string {
  return args.length === 0 ? NO_ARGUMENTS : represent(args, true, limits);
}

/** Keyword arguments as Python prints a dict. */
export function kwargsRepr(kwargs: Readonly<Record<string, unknown>>, limits: ReprLimits = {}): string {
  for (const _key in kwargs) return represent(kwargs, false, limits);
  return NO_KEYWORDS;
}

/** A value as Python's `saferepr` prints it: bounded in length (1024 by default) and depth (3). `celery/utils/saferepr.py`. */
export function saferepr(value: unknown, limits: ReprLimits = {}): string {
  return represent(value, false, limits);
}

function represent(value: unknown, tuple: boolean, limits: ReprLimits): string {
  const writer = new ReprWriter(limits.maxLength ?? 1024, limits.maxLevels ?? 3);
  writer.value(value, 0, tuple);
  return writer.text();
}

/**
 * Writes tokens until the budget is used up, then only closes what is open. As in Celery each token counts once and whole,
 * a single token is cut to what is left, and what closes a container is always written.
 */
class ReprWriter {
  readonly #parts: string[] = [];
  readonly #maxLevels: number;
  readonly #ancestors: unknown[] = [];
  #budget: number;
  #full = false;

  constructor(maxLength: number, maxLevels: number) {
    this.#budget = maxLength;
    this.#maxLevels = maxLevels;
  }

  text(): string {
    return this.#parts.join('');
  }

  value(value: unknown, level: number, tuple: boolean): void {
    if (typeof value === 'string') return this.#string(value);
    if (value instanceof Uint8Array) return this.#bytes(value);
    const scalar = scalarRepr(value);
    if (scalar !== undefined) return this.#scalar(scalar);
    if (Array.isArray(value))
      return tuple ? this.#list(value, level, '(', value.length === 1 ? ',)' : ')') : this.#list(value, level, '[', ']');
    return this.#object(value as object, level);
  }

  #list(items: readonly unknown[], level: number, open: string, close: string): void {
    if (this.#tooDeep(items, level)) return void this.#write(`${open}...${close}`);
    this.#container(items, open, close, items.length, (index) => this.value(items[index], level + 1, false));
  }

  #object(object: object, level: number): void {
    if (this.#tooDeep(object, level)) return void this.#write('{...}');
    const keys = Object.keys(object);
    this.#container(object, '{', '}', keys.length, (index) => {
      const key = keys[index] ?? '';
      this.#string(key);
      if (this.#write(': ')) this.value((object as Readonly<Record<string, unknown>>)[key], level + 1, false);
    });
  }

  #container(self: unknown, open: string, close: string, length: number, writeItem: (index: number) => void): void {
    if (!this.#write(open)) return;
    this.#ancestors.push(self);
    for (let index = 0; index < length && !this.#full; index += 1) {
      if (index === 0 || this.#write(', ')) writeItem(index);
    }
    this.#ancestors.pop();
    this.#parts.push(close);
    this.#budget -= close.length;
  }

  #tooDeep(value: unknown, level: number): boolean {
    return level >= this.#maxLevels || this.#ancestors.includes(value);
  }

  #string(text: string): void {
    this.#write(this.#budget > 0 ? `'${truncate(text, this.#budget).replaceAll("'", "\\'")}'` : '');
  }

  #bytes(bytes: Uint8Array): void {
    if (this.#budget <= 0) return void this.#write('');
    const cut = bytes.length > this.#budget;
    const shown = cut ? bytes.subarray(0, this.#budget) : bytes;
    const text = tryUtf8(shown) ?? Array.from(shown, (byte) => byte.toString(16).padStart(2, '0')).join('');
    this.#write(`b'${text}${cut ? '...' : ''}'`);
  }

  #scalar(text: string): void {
    this.#write(this.#budget > 0 ? truncate(text, this.#budget) : '');
  }

  /** Writes a token, or the sign that something was left out. Answers whether there was room. */
  #write(token: string): boolean {
    if (this.#full) return false;
    if (this.#budget <= 0) {
      this.#full = true;
      this.#parts.push(', ...');
      return false;
    }
    this.#parts.push(token);
    this.#budget -= codePoints(token);
    return true;
  }
}
