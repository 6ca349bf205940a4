import type { ExchangeType } from '../../routing/queue.ts';

/** One piece of a stored pattern: a character, or a run of characters other than dots, or of any. */
type Piece = { readonly kind: 'character'; readonly character: string } | { readonly kind: 'one' | 'word' | 'anything' };

/** What kombu writes for `*` (5.7, then 5.6) and for `#`; longest first. */
const WILDCARDS: readonly (readonly [text: string, pieces: readonly Piece[]])[] = [
  [String.raw`[^\.]+`, [{ kind: 'word' }]],
  [String.raw`.*?[^\.]`, [{ kind: 'anything' }, { kind: 'one' }]],
  ['.*?', [{ kind: 'anything' }]],
];

/** The pattern kombu 5.7 stores for a topic binding. `kombu/transport/virtual/exchange.py TopicExchange.key_to_pattern`. */
export function storedPattern(type: ExchangeType, routingKey: string): string {
  if (type !== 'topic') return '';
  const words = routingKey.split('.').map((word) => (word === '*' ? String.raw`[^\.]+` : word === '#' ? '.*?' : escape(word)));
  return `^${words.join(String.raw`\.`)}$`;
}

/**
 * Whether a stored pattern takes a key, as Python's `re.match` would say. The rows of a mixed fleet hold kombu 5.6's looser
 * stars too. `undefined` for text that kombu does not write: no stored expression is ever run. Linear in pattern times key.
 */
export function patternTakes(pattern: string, key: string): boolean | undefined {
  const pieces = parse(pattern);
  if (pieces === undefined) return undefined;
  const characters = Array.from(key);
  let reached = new Set([0]);
  for (const piece of pieces) reached = advance(piece, reached, characters);
  return reached.has(characters.length);
}

function advance(piece: Piece, from: ReadonlySet<number>, characters: readonly string[]): Set<number> {
  const next = new Set<number>();
  for (const at of from) {
    if (piece.kind === 'character' || piece.kind === 'one') {
      if (takesOne(piece, characters[at])) next.add(at + 1);
      continue;
    }
    if (piece.kind === 'anything') next.add(at);
    for (let end = at; end < characters.length; end += 1) {
      if (piece.kind === 'word' && characters[end] === '.') break;
      // Whoever has been here went on from here as well.
      if (next.has(end + 1)) break;
      next.add(end + 1);
    }
  }
  return next;
}

function takesOne(piece: Piece, character: string | undefined): boolean {
  return piece.kind === 'character' ? character === piece.character : character !== undefined && character !== '.';
}

function parse(pattern: string): Piece[] | undefined {
  const pieces: Piece[] = [];
  if (!/^\^[\s\S]*\$$/.test(pattern)) return undefined;
  let rest = pattern.slice(1, -1);
  while (rest !== '') {
    const wildcard = WILDCARDS.find(([text]) => rest.startsWith(text));
    const literal = /^\\([\s\S])|^([\p{L}\p{N}#])/u.exec(rest);
    if (wildcard !== undefined) pieces.push(...wildcard[1]);
    else if (literal !== null) pieces.push({ kind: 'character', character: literal[1] ?? literal[2] ?? '' });
    else return undefined;
    rest = rest.slice(wildcard?.[0].length ?? literal?.[0].length ?? rest.length);
  }
  return pieces;
}

/** `kombu/utils/text.py escape_regex`, with `.#*` left as they are. */
function escape(word: string): string {
  return word.replace(/[^\p{L}\p{N}#*]/gu, (character) => (character === '\0' ? String.raw`\000` : `\\${character}`));
}
