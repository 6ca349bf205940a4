/**
 * Whether a topic binding (`*` one word, `#` any number of words, split by dots) takes a routing key.
 * Linear in the product of the word counts; no regular expression.
 */
export function globWords(pattern: string, key: string): boolean {
  const wanted = pattern.split('.');
  const words = key === '' ? [''] : key.split('.');
  let reachable = new Set([0]);
  for (const part of wanted) {
    const next = new Set<number>();
    for (const at of reachable) {
      if (part === '#') for (let end = at; end <= words.length; end += 1) next.add(end);
      else if (at < words.length && (part === '*' || part === words[at])) next.add(at + 1);
    }
    reachable = next;
  }
  return reachable.has(words.length);
}
