import { createRequire } from 'node:module';
import type * as msgpackr from 'msgpackr';
import type { PackPlain } from '../message/serializers/msgpack.ts';

const require = createRequire(import.meta.url);

/** msgpackr, loaded with the first message: most processes never see one. Maps and integers take their shortest form. */
export function lazyPacker(): PackPlain {
  let packer: msgpackr.Packr | undefined;
  return (value) => {
    packer ??= openPacker();
    return packer.pack(value);
  };
}

function openPacker(): msgpackr.Packr {
  const { Packr } = require('msgpackr') as typeof msgpackr;
  return new Packr({ useRecords: false, variableMapSize: true });
}
