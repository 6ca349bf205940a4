const SHORT_WITH_VALUE = new Set(['A', 'b', 'Q', 'X', 'c', 'P', 'n', 'l', 'a', 'k', 'I', 'O', 'S', 't', 'd']);

/**
 * Takes attached short values apart (`-linfo`, `-Qa,b`, `-c4` → two words), which click accepts and yargs does not.
 * A word after `--` is left alone.
 */
export function splitShortValues(argv: readonly string[]): string[] {
  const words: string[] = [];
  let literal = false;
  for (const word of argv) {
    literal ||= word === '--';
    const letter = word[1];
    if (!literal && word.length > 2 && word[0] === '-' && word[2] !== '=' && letter !== undefined && SHORT_WITH_VALUE.has(letter)) {
      words.push(`-${letter}`, word.slice(2));
    } else {
      words.push(word);
    }
  }
  return words;
}
