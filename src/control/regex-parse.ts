/** One step of a compiled pattern. The end is the place after the last one. */
export type Step =
  | { readonly kind: 'take'; readonly takes: (character: string) => boolean }
  | { readonly kind: 'assert'; readonly holds: (text: readonly string[], at: number) => boolean }
  | { readonly kind: 'fork'; readonly to: readonly number[] };

/** Steps whose forks count from their own beginning. */
type Fragment = readonly Step[];

/** A counted repetition is written out: this many steps at most. */
const MOST_STEPS = 5000;
const DEEPEST = 50;

/** Compiles a regular expression. Throws `RangeError` for what cannot be read or is not supported. */
export function parseRegex(pattern: string): readonly Step[] {
  const parser = new Parser(pattern);
  return parser.parse();
}

class Parser {
  readonly #text: string;
  #at = 0;
  #depth = 0;

  constructor(text: string) {
    this.#text = text;
  }

  parse(): Fragment {
    const whole = this.#alternatives();
    if (this.#at < this.#text.length) throw this.#error('unbalanced parenthesis');
    return whole;
  }

  #alternatives(): Fragment {
    let fragment = this.#sequence();
    while (this.#accept('|')) fragment = either(fragment, this.#sequence());
    return bounded(fragment);
  }

  #sequence(): Fragment {
    let fragment: Fragment = [];
    while (this.#at < this.#text.length && !'|)'.includes(this.#text.charAt(this.#at))) fragment = join(fragment, this.#repeated());
    return fragment;
  }

  #repeated(): Fragment {
    let fragment = this.#atom();
    for (;;) {
      const [least, most] = this.#quantifier() ?? [];
      if (least === undefined) return fragment;
      fragment = repeat(fragment, least, most);
      // Lazy or greedy, possessive or not: whether there is a match at all is the same, or stricter.
      this.#accept('?');
    }
  }

  #quantifier(): readonly [number, number | undefined] | undefined {
    if (this.#accept('*')) return [0, undefined];
    if (this.#accept('+')) return [1, undefined];
    if (this.#accept('?')) return [0, 1];
    const counted = /^\{(\d{0,4})(,?)(\d{0,4})\}/.exec(this.#text.slice(this.#at));
    if (counted === null || (counted[1] === '' && counted[3] === '')) return undefined;
    this.#at += counted[0].length;
    const least = Number(counted[1]);
    return [least, counted[2] === '' ? least : counted[3] === '' ? undefined : Number(counted[3])];
  }

  #atom(): Fragment {
    const character = this.#next();
    if (character === '(') return this.#group();
    if (character === '[') return take(this.#set());
    if (character === '.') return take((other) => other !== '\n');
    if (character === '^') return assert((_text, at) => at === 0);
    if (character === '$') return assert((text, at) => at === text.length || (at === text.length - 1 && text[at] === '\n'));
    if (character === '\\') return this.#escape();
    if ('*+?'.includes(character)) throw this.#error('nothing to repeat');
    return take((other) => other === character);
  }

  #group(): Fragment {
    this.#depth += 1;
    if (this.#depth > DEEPEST) throw this.#error('too many groups in groups');
    const kind = /^\?(?:P<\w+>|:)/.exec(this.#text.slice(this.#at));
    if (kind !== null) this.#at += kind[0].length;
    else if (this.#text[this.#at] === '?') throw this.#error('look-around and flags are not supported');
    const inner = this.#alternatives();
    if (!this.#accept(')')) throw this.#error('missing )');
    this.#depth -= 1;
    return inner;
  }

  #escape(): Fragment {
    const letter = this.#next();
    if (letter === 'A') return assert((_text, at) => at === 0);
    if (letter === 'Z') return assert((text, at) => at === text.length);
    if (letter === 'b') return assert((text, at) => isWord(text[at - 1]) !== isWord(text[at]));
    if (letter === 'B') return assert((text, at) => isWord(text[at - 1]) === isWord(text[at]));
    return take(this.#classOf(letter));
  }

  #classOf(letter: string): (character: string) => boolean {
    const named = CLASSES[letter];
    if (named !== undefined) return named;
    if (/[A-Za-z0-9]/.test(letter)) throw this.#error(`\\${letter} is not supported`);
    return (other) => other === letter;
  }

  #set(): (character: string) => boolean {
    const negated = this.#accept('^');
    const tests: ((character: string) => boolean)[] = [];
    for (let first = true; first || this.#text[this.#at] !== ']'; first = false) tests.push(this.#setItem());
    this.#at += 1;
    return (character) => tests.some((test) => test(character)) !== negated;
  }

  #setItem(): (character: string) => boolean {
    const from = this.#next();
    if (from === '\\') return this.#classOf(this.#next());
    if (this.#text[this.#at] !== '-' || this.#text[this.#at + 1] === ']') return (other) => other === from;
    this.#at += 1;
    const to = this.#next();
    if (to < from) throw this.#error('bad character range');
    return (other) => from <= other && other <= to;
  }

  #next(): string {
    const code = this.#text.codePointAt(this.#at);
    if (code === undefined) throw this.#error('it ends too early');
    const character = String.fromCodePoint(code);
    this.#at += character.length;
    return character;
  }

  #accept(character: string): boolean {
    if (this.#text[this.#at] !== character) return false;
    this.#at += 1;
    return true;
  }

  #error(reason: string): RangeError {
    return new RangeError(`bad pattern at ${this.#at}: ${reason}`);
  }
}

const isWord = (character: string | undefined): boolean => character !== undefined && /[\p{L}\p{N}_]/u.test(character);

const CLASSES: Readonly<Record<string, (character: string) => boolean>> = {
  d: (character) => /\p{Nd}/u.test(character),
  D: (character) => !/\p{Nd}/u.test(character),
  w: isWord,
  W: (character) => !isWord(character),
  s: (character) => /\s/.test(character),
  S: (character) => !/\s/.test(character),
  n: (character) => character === '\n',
  t: (character) => character === '\t',
  r: (character) => character === '\r',
};

const take = (takes: (character: string) => boolean): Fragment => [{ kind: 'take', takes }];
const assert = (holds: (text: readonly string[], at: number) => boolean): Fragment => [{ kind: 'assert', holds }];

function moved(fragment: Fragment, by: number): Fragment {
  return fragment.map((step) => (step.kind === 'fork' ? { kind: 'fork', to: step.to.map((target) => target + by) } : step));
}

function join(...fragments: readonly Fragment[]): Fragment {
  const steps: Step[] = [];
  for (const fragment of fragments) steps.push(...moved(fragment, steps.length));
  return bounded(steps);
}

function either(left: Fragment, right: Fragment): Fragment {
  const rightAt = left.length + 2;
  return [{ kind: 'fork', to: [1, rightAt] }, ...moved(left, 1), { kind: 'fork', to: [rightAt + right.length] }, ...moved(right, rightAt)];
}

const optional = (inner: Fragment): Fragment => [{ kind: 'fork', to: [1, inner.length + 1] }, ...moved(inner, 1)];
const star = (inner: Fragment): Fragment => [{ kind: 'fork', to: [1, inner.length + 2] }, ...moved(inner, 1), { kind: 'fork', to: [0] }];

function repeat(inner: Fragment, least: number, most: number | undefined): Fragment {
  if (most !== undefined && most < least) throw new RangeError('bad pattern: min repeat greater than max repeat');
  const copies = most ?? least + 1;
  if (copies * inner.length > MOST_STEPS) throw new RangeError('bad pattern: too large');
  const parts: Fragment[] = Array.from({ length: least }, () => inner);
  if (most === undefined) parts.push(star(inner));
  else for (let index = least; index < most; index += 1) parts.push(optional(inner));
  return join(...parts);
}

function bounded(fragment: Fragment): Fragment {
  if (fragment.length > MOST_STEPS) throw new RangeError('bad pattern: too large');
  return fragment;
}
