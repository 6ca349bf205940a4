import { createRequire } from 'node:module';
import type * as yamlPackage from 'yaml';
import type { Alias, CST, Document, Pair, Scalar, YAMLMap, YAMLSeq } from 'yaml';
import { DecodeError } from '../base/errors.ts';
import type { ParseYaml, YamlNode } from '../message/serializers/yaml-node.ts';

const require = createRequire(import.meta.url);

type Yaml = typeof yamlPackage;

/** Nothing is resolved by the package: which plain text is a number or a date is for our reader to say, as PyYAML says it. */
const OPTIONS = {
  version: '1.1',
  schema: 'failsafe',
  resolveKnownTags: false,
  prettyErrors: false,
  uniqueKeys: false,
  keepSourceTokens: false,
} as const;

/** The package `yaml`, loaded with the first message: most processes never see one. */
export function lazyYamlParser(): ParseYaml {
  let yaml: Yaml | undefined;
  return (text, maxDepth) => {
    yaml ??= require('yaml') as Yaml;
    const document = parse(yaml, text, maxDepth);
    // A tag that the package does not know is for our reader to judge.
    const problem = document?.errors[0] ?? document?.warnings.find(({ code }) => code !== 'TAG_RESOLVE_FAILED');
    if (problem !== undefined) throw new DecodeError('', `not YAML: ${problem.message.slice(0, 200)}`, { cause: problem });
    return document?.contents ? new Converter(yaml, text).node(document.contents) : undefined;
  };
}

function parse(yaml: Yaml, text: string, maxDepth: number): Document | undefined {
  const [document, ...more] = new yaml.Composer(OPTIONS).compose(tokens(yaml, text, maxDepth), true, text.length);
  if (more.length > 0) throw new DecodeError('', 'not YAML: more than one document');
  return document;
}

/** The parser's tokens; it gives up as soon as a document is nested too deep, before the composer would recurse. */
function* tokens(yaml: Yaml, text: string, maxDepth: number): Generator<CST.Token> {
  const parser = new yaml.Parser();
  for (const lexeme of new yaml.Lexer().lex(text)) {
    yield* parser.next(lexeme);
    if (parser.stack.length > 2 * maxDepth) throw new DecodeError('', `nested deeper than ${maxDepth} levels`);
  }
  yield* parser.end();
}

class Converter {
  readonly #yaml: Yaml;
  readonly #source: string;
  readonly #anchors = new Map<string, YamlNode>();

  constructor(yaml: Yaml, source: string) {
    this.#yaml = yaml;
    this.#source = source;
  }

  node(node: unknown): YamlNode {
    if (this.#yaml.isAlias(node)) return this.#aliased(node);
    if (this.#yaml.isMap(node)) return this.#map(node);
    if (this.#yaml.isSeq(node)) return this.#list(node);
    return this.#scalar(this.#yaml.isScalar(node) ? node : undefined);
  }

  #aliased({ source }: Alias): YamlNode {
    const node = this.#anchors.get(source);
    if (node === undefined) throw new DecodeError('', `not YAML: no anchor ${source.slice(0, 100)}`);
    node.aliased = true;
    return node;
  }

  #scalar(node: Scalar | undefined): YamlNode {
    const plain = node === undefined || (node.type ?? 'PLAIN') === 'PLAIN';
    const scalar: YamlNode = { kind: 'scalar', tag: node?.tag, plain, text: this.#textOf(node), aliased: false };
    return this.#anchored(node?.anchor, scalar);
  }

  #textOf(node: Scalar | undefined): string {
    const text = String(node?.value ?? '');
    // The package ends a block with a line break even where the whole text ends without one.
    const isUnended = node?.type?.startsWith('BLOCK') === true && node.range?.[1] === this.#source.length && !this.#source.endsWith('\n');
    return isUnended && text.endsWith('\n') ? text.slice(0, -1) : text;
  }

  #list(node: YAMLSeq): YamlNode {
    const items: YamlNode[] = [];
    const list = this.#anchored(node.anchor, { kind: 'list', tag: node.tag, items, aliased: false });
    for (const item of node.items) items.push(this.#yaml.isPair(item) ? this.#single(item) : this.node(item));
    return list;
  }

  #map(node: YAMLMap): YamlNode {
    const pairs: [YamlNode, YamlNode][] = [];
    const map = this.#anchored(node.anchor, { kind: 'map', tag: node.tag, pairs, aliased: false });
    for (const { key, value } of node.items) pairs.push([this.node(key), this.node(value)]);
    return map;
  }

  /** A pair among the items of a sequence: a mapping of one key. */
  #single({ key, value }: Pair): YamlNode {
    return { kind: 'map', tag: undefined, pairs: [[this.node(key), this.node(value)]], aliased: false };
  }

  /** Known before what is inside is read: a value may hold an alias of itself. */
  #anchored(anchor: string | undefined, node: YamlNode): YamlNode {
    if (anchor === undefined) return node;
    if (this.#anchors.has(anchor)) throw new DecodeError('', `not YAML: the anchor ${anchor.slice(0, 100)} stands twice`);
    this.#anchors.set(anchor, node);
    return node;
  }
}
