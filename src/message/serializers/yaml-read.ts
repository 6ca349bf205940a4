import { utf8Decode } from '../../base/bytes.ts';
import { DecodeError } from '../../base/errors.ts';
import { MAX_DEPTH } from './json-read.ts';
import type { ParseYaml, YamlList, YamlMap, YamlNode, YamlScalar } from './yaml-node.ts';
import { readScalar, resolveTag } from './yaml-scalars.ts';

/** Nodes that aliases may add by standing for others. Python's own output repeats a value or two; a bomb repeats billions. */
const MAX_ALIASED = 1_000_000;

const YAML_TAG = 'tag:yaml.org,2002:';

/** Characters that PyYAML refuses to read unescaped. */
const UNPRINTABLE = /[^\t\n\r\x20-\x7e\x85\xa0-\ud7ff\ue000-\ufffd\u{10000}-\u{10ffff}]/u;

/** A value as PyYAML's `safe_load` builds it. Throws `DecodeError`. */
export function readYaml(bytes: Uint8Array, parse: ParseYaml): unknown {
  const text = utf8Decode(bytes);
  if (UNPRINTABLE.test(text)) throw new DecodeError('', 'a control character stands unescaped');
  const root = parse(text, MAX_DEPTH);
  return root === undefined ? null : new Builder().build(root, 0).value;
}

interface Built {
  readonly value: unknown;
  /** Nodes within, aliases counted as what they stand for. */
  readonly size: number;
}

class Builder {
  readonly #aliased = new Map<YamlNode, Built | undefined>();
  #repeated = 0;

  build(node: YamlNode, depth: number): Built {
    if (!node.aliased) return this.#make(node, depth);
    if (this.#aliased.has(node)) return this.#again(this.#aliased.get(node));
    this.#aliased.set(node, undefined);
    const built = this.#make(node, depth);
    this.#aliased.set(node, built);
    return built;
  }

  #again(built: Built | undefined): Built {
    if (built === undefined) throw new DecodeError('', 'a value that holds itself');
    this.#repeated += built.size;
    if (this.#repeated > MAX_ALIASED) throw new DecodeError('', `aliases stand for more than ${MAX_ALIASED} values`);
    return built;
  }

  #make(node: YamlNode, depth: number): Built {
    if (depth > MAX_DEPTH) throw new DecodeError('', `nested deeper than ${MAX_DEPTH} levels`);
    if (node.kind === 'scalar') return { value: readScalar(scalarTag(node), node.text), size: 1 };
    const tag = node.tag === undefined || node.tag === '!' ? (node.kind === 'list' ? 'seq' : 'map') : shortTag(node.tag);
    if (node.kind === 'list') return this.#list(node, tag, depth);
    if (tag === 'set') return this.#set(node, depth);
    if (tag !== 'map') throw new DecodeError('', `a mapping cannot be tagged ${tag.slice(0, 100)}`);
    return this.#map(node, depth);
  }

  #list(node: YamlList, tag: string, depth: number): Built {
    const pairs = tag === 'omap' || tag === 'pairs';
    if (!pairs && tag !== 'seq') throw new DecodeError('', `a sequence cannot be tagged ${tag.slice(0, 100)}`);
    let size = 1;
    const value = node.items.map((item) => {
      const built = pairs ? this.#pair(item, depth + 1) : this.build(item, depth + 1);
      size += built.size;
      return built.value;
    });
    return { value, size };
  }

  /** One entry of an `!!omap` or of `!!pairs`, which Python reads as a tuple. */
  #pair(item: YamlNode, depth: number): Built {
    const [pair, ...more] = item.kind === 'map' ? item.pairs : [];
    if (pair === undefined || more.length > 0) throw new DecodeError('', 'ordered pairs are mappings of one key each');
    const [key, value] = pair.map((node) => this.build(node, depth + 1));
    return { value: [key?.value, value?.value], size: 1 + (key?.size ?? 0) + (value?.size ?? 0) };
  }

  #set(node: YamlMap, depth: number): Built {
    const built = this.#merged(node).map(([key]) => this.build(key, depth + 1));
    return { value: new Set(built.map(({ value }) => value)), size: built.reduce((sum, { size }) => sum + size, 1) };
  }

  #map(node: YamlMap, depth: number): Built {
    const value: Record<string, unknown> = {};
    let size = 1;
    for (const [key, item] of this.#merged(node)) {
      const name = keyName(key.kind === 'scalar' ? this.build(key, depth + 1).value : undefined);
      const built = this.build(item, depth + 1);
      size += 1 + built.size;
      if (name === '__proto__')
        Object.defineProperty(value, name, { value: built.value, writable: true, enumerable: true, configurable: true });
      else value[name] = built.value;
    }
    return { value, size };
  }

  /** The pairs of a map with those that its `<<` keys name before its own: the last to name a key wins. */
  #merged(node: YamlMap, depth = 0): readonly (readonly [YamlNode, YamlNode])[] {
    if (!node.pairs.some(([key]) => isMerge(key))) return node.pairs;
    if (depth > MAX_DEPTH) throw new DecodeError('', 'a mapping that merges itself');
    const merged = node.pairs
      .filter(([key]) => isMerge(key))
      .flatMap(([, source]) => (source.kind === 'list' ? source.items.toReversed() : [source]))
      .flatMap((source) => {
        if (source.kind !== 'map') throw new DecodeError('', 'only mappings can be merged');
        return this.#merged(source, depth + 1);
      });
    this.#repeated += merged.length;
    if (this.#repeated > MAX_ALIASED) throw new DecodeError('', `merges stand for more than ${MAX_ALIASED} values`);
    return [...merged, ...node.pairs.filter(([key]) => !isMerge(key))];
  }
}

function scalarTag({ tag, plain, text }: YamlScalar): string {
  if (tag === undefined) return plain ? resolveTag(text) : 'str';
  return tag === '!' ? resolveTag(text) : shortTag(tag);
}

/** The name of one of YAML's own types; any other tag is refused, as `safe_load` does. */
function shortTag(tag: string): string {
  if (!tag.startsWith(YAML_TAG)) throw new DecodeError('', `no type is tagged ${tag.slice(0, 100)}`);
  return tag.slice(YAML_TAG.length);
}

function isMerge(key: YamlNode): boolean {
  return key.kind === 'scalar' && scalarTag(key) === 'merge';
}

/** Keys are text, as in JSON: `1`, `None` and `True` become `"1"`, `"null"` and `"true"`. */
function keyName(key: unknown): string {
  if (typeof key === 'string') return key;
  if (key === null || typeof key === 'number' || typeof key === 'bigint' || typeof key === 'boolean') return String(key);
  throw new DecodeError('', 'a key of a mapping is no text, number, boolean or null');
}
