import { lazyPacker } from '../driver/msgpack.ts';
import { lazyYamlParser } from '../driver/yaml.ts';
import { defaultRegistry } from '../message/registry.ts';
import type { SerializerRegistry } from '../message/registry.ts';
import type { JsonTypes } from '../message/serializers/json-own-types.ts';
import { msgpackSerializer } from '../message/serializers/msgpack.ts';
import { yamlSerializer } from '../message/serializers/yaml.ts';

/** Every serializer that is built in: those of `message`, and those that a package of `driver` helps. */
export function builtInSerializers(jsonTypes: JsonTypes): SerializerRegistry {
  const registry = defaultRegistry(jsonTypes);
  registry.register(msgpackSerializer(lazyPacker()));
  registry.register(yamlSerializer(lazyYamlParser()));
  return registry;
}
