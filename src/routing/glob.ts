type Part = '*' | ((char: string) => boolean);

/**
 * Whether a shell glob takes the whole text: `*` any text, `?` one character, `[a-z]` and `[!a-z]` one of a set, as Python's
 * `fnmatch`. Linear in the product of the lengths: one backtrack point, no regular expression.
 */
export function matchGlob(pattern: string, text: string): boolean {
  const parts = readGlob(pattern);
  let at = 0;
  let partAt = 0;
  let starAt = -1;
  let starText = 0;
  while (at < text.length) {
    const part = parts[partAt];
    if (part === '*') {
      starAt = partAt;
      starText = at;
      partAt += 1;
    } else if (part?.(text.charAt(at)) === true) {
      partAt += 1;
      at += 1;
    } else if (starAt >= 0) {
      starText += 1;
      at = starText;
      partAt = starAt + 1;
    } else {
      return false;
    }
  }
  while (parts[partAt] === '*') partAt += 1;
  return partAt === parts.length;
}

function readGlob(pattern: string): Part[] {
  const parts: Part[] = [];
  for (let at = 0; at < pattern.length; at += 1) {
    const char = pattern.charAt(at);
    // A `]` right after the opening stands for itself; a set that is never closed is a bracket.
    const end = char === '[' ? pattern.indexOf(']', at + (pattern[at + 1] === '!' ? 3 : 2)) : -1;
    if (char === '*') parts.push('*');
    else if (char === '?') parts.push(() => true);
    else if (end < 0) parts.push((other) => other === char);
    else {
      parts.push(readSet(pattern.slice(at + 1, end)));
      at = end;
    }
  }
  return parts;
}

function readSet(text: string): (char: string) => boolean {
  const negated = text.startsWith('!');
  const set = negated ? text.slice(1) : text;
  const ranges: (readonly [string, string])[] = [];
  for (let at = 0; at < set.length; at += 1) {
    const from = set.charAt(at);
    const isRange = set[at + 1] === '-' && at + 2 < set.length;
    ranges.push([from, isRange ? set.charAt(at + 2) : from]);
    if (isRange) at += 2;
  }
  return (char) => ranges.some(([from, to]) => from <= char && char <= to) !== negated;
}
