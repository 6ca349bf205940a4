/** A YAML document as its parser leaves it: structure and text, nothing resolved. */
export type YamlNode = YamlScalar | YamlList | YamlMap;

interface YamlBase {
  /** Written out, e.g. `tag:yaml.org,2002:binary`. */
  readonly tag: string | undefined;
  /** An alias points here, so that the same node stands in several places. */
  aliased: boolean;
}

/** `plain`: neither quoted nor in a block. */
export interface YamlScalar extends YamlBase {
  readonly kind: 'scalar';
  readonly text: string;
  readonly plain: boolean;
}

export interface YamlList extends YamlBase {
  readonly kind: 'list';
  readonly items: readonly YamlNode[];
}

export interface YamlMap extends YamlBase {
  readonly kind: 'map';
  readonly pairs: readonly (readonly [key: YamlNode, value: YamlNode])[];
}

/** Reads one document, nested no deeper than `maxDepth`; `undefined` when there is none. Throws `DecodeError`. Made in `driver`. */
export type ParseYaml = (text: string, maxDepth: number) => YamlNode | undefined;
