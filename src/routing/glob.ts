/** Whether a shell glob (`*` any text, `?` one character) takes the whole text. Linear: one backtrack point, no regular expression. */
export function matchGlob(pattern: string, text: string): boolean {
  let at = 0;
  let patternAt = 0;
  let starAt = -1;
  let starText = 0;
  while (at < text.length) {
    const part = pattern[patternAt];
    if (part === '*') {
      starAt = patternAt;
      starText = at;
      patternAt += 1;
    } else if (part === '?' || (part !== undefined && part === text[at])) {
      patternAt += 1;
      at += 1;
    } else if (starAt >= 0) {
      starText += 1;
      at = starText;
      patternAt = starAt + 1;
    } else {
      return false;
    }
  }
  while (pattern[patternAt] === '*') patternAt += 1;
  return patternAt === pattern.length;
}
