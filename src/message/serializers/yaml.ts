import { utf8Output } from '../../base/bytes.ts';
import type { Serializer } from '../serializer.ts';
import { readYaml } from './yaml-read.ts';
import type { ParseYaml } from './yaml-node.ts';
import { writeYaml } from './yaml-write.ts';

/**
 * YAML as kombu writes and reads it: PyYAML's `safe_dump` and `safe_load`, YAML 1.1. Dates, bytes and sets are YAML's own;
 * no tag makes anything but data. `docs/types.md` has the whole mapping.
 */
export function yamlSerializer(parse: ParseYaml): Serializer {
  return {
    name: 'yaml',
    contentType: 'application/x-yaml',
    contentEncoding: 'utf-8',
    encode: (value) => utf8Output(writeYaml(value)),
    decode: (bytes) => readYaml(bytes, parse),
  };
}
