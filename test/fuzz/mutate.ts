/** Text and numbers that decoders look for. */
const TOKENS: readonly Uint8Array[] = [
  '__type__',
  '__value__',
  '__proto__',
  'constructor',
  '"task"',
  '"id"',
  'null',
  'NaN',
  '-Infinity',
  '1e400',
  '\\ud800',
  '[[',
  '{}',
  '\0',
  '9'.repeat(40),
  '[["a",null],null]',
  '"datetime"',
  '"bytes"',
  '"decimal"',
  '0001-01-01',
  '%41',
  '://',
  '@',
  ';',
  'BZh9',
  '\u00fd7zXZ',
].map((text) => Buffer.from(text, 'latin1'));
const NUMBERS = [0, 1, 0x7f, 0x80, 0xff, 0x41, 0x46, 0x53, 0x74, 0x78];
const LONGEST = 2048;

/** Numbers that are the same in each run from one seed (mulberry32). */
export function randomFrom(seed: number): (below: number) => number {
  let state = seed >>> 0;
  return (below) => {
    state = (state + 0x6d2b79f5) >>> 0;
    let mixed = Math.imul(state ^ (state >>> 15), state | 1);
    mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61);
    return ((mixed ^ (mixed >>> 14)) >>> 0) % below;
  };
}

/** A changed copy of `bytes`; `other` is another input to take parts of. */
export function mutate(bytes: Uint8Array, other: Uint8Array, random: (below: number) => number): Uint8Array {
  let changed: Uint8Array = Uint8Array.from(bytes);
  for (let rounds = 1 + random(4); rounds > 0; rounds -= 1) changed = once(changed, other, random);
  return changed.subarray(0, LONGEST);
}

function once(bytes: Uint8Array, other: Uint8Array, random: (below: number) => number): Uint8Array {
  const at = random(bytes.length + 1);
  const length = 1 + random(8);
  const splice = (remove: number, insert: Uint8Array): Uint8Array =>
    Buffer.concat([bytes.subarray(0, at), insert, bytes.subarray(Math.min(bytes.length, at + remove))]);
  switch (random(8)) {
    case 0:
      return splice(1, Buffer.of((bytes[at] ?? 0) ^ (1 << random(8))));
    case 1:
      return splice(1, Buffer.of(random(256)));
    case 2:
      return splice(1, Buffer.of(NUMBERS[random(NUMBERS.length)] ?? 0));
    case 3:
      return splice(length, new Uint8Array());
    case 4:
      return splice(random(2) * length, TOKENS[random(TOKENS.length)] ?? new Uint8Array());
    case 5:
      return splice(0, bytes.subarray(at, at + length * 4));
    case 6: {
      const from = random(other.length + 1);
      return splice(random(2) * length, other.subarray(from, from + 1 + random(64)));
    }
    default:
      return splice(bytes.length, new Uint8Array());
  }
}
