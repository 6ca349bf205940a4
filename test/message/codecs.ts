import { lazyPacker } from '../../src/driver/msgpack.ts';
import { lazyYamlParser } from '../../src/driver/yaml.ts';
import { msgpackSerializer } from '../../src/message/serializers/msgpack.ts';
import { yamlSerializer } from '../../src/message/serializers/yaml.ts';
import type { Serializer } from '../../src/message/serializer.ts';

export const msgpack: Serializer = msgpackSerializer(lazyPacker());
export const yaml: Serializer = yamlSerializer(lazyYamlParser());
