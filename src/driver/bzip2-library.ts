import { readFileSync } from 'node:fs';
import { DecodeError, EncodeError } from '../base/errors.ts';
import { tooLarge } from './unpack.ts';

// In every Node, yet not in the types of Node 24: the few parts that are used.
interface WasmMemory {
  readonly buffer: ArrayBuffer;
  grow(pages: number): number;
}
declare const WebAssembly: {
  readonly Module: new (bytes: Uint8Array) => object;
  readonly Instance: new (module: object, imports: Readonly<Record<string, object>>) => { readonly exports: object };
};

/** What the compiled libbz2 exports. Pointers and sizes are bytes in its memory. */
interface Exports {
  readonly memory: WasmMemory;
  __wasm_call_ctors(): void;
  malloc(size: number): number;
  free(pointer: number): void;
  BZ2_bzBuffToBuffCompress(to: number, toSize: number, from: number, size: number, level: number, verbose: number, work: number): number;
  BZ2_bzBuffToBuffDecompress(to: number, toSize: number, from: number, size: number, small: number, verbose: number): number;
}

/** libbz2's answers. */
const OK = 0;
const OUTPUT_FULL = -8;
const NO_FILE = 8;
/** Python's level. */
const LEVEL = 9;
const FIRST_OUTPUT = 64 * 1024;
const PAGE = 65_536;
/** Memory of WebAssembly never shrinks: one that has grown beyond this is left to the garbage collector. */
const KEPT_MEMORY = 32 * 1024 * 1024;

/** libbz2 1.0.8 compiled to WebAssembly, run without the package's own loader, which is asynchronous and sets globals. */
export class Bzip2Library {
  readonly #module: object;
  #instance: Exports | undefined;

  /** Throws what `fs` and `WebAssembly` throw for a file that cannot be used. */
  constructor(path: string) {
    this.#module = new WebAssembly.Module(readFileSync(path));
  }

  /** Throws `EncodeError` when the memory does not suffice. */
  compress(bytes: Uint8Array): Uint8Array {
    // libbz2's own bound for what it cannot make smaller.
    const room = bytes.length + Math.ceil(bytes.length / 100) + 600;
    const found = this.#run(bytes, room, (e, to, toSize, from) => e.BZ2_bzBuffToBuffCompress(to, toSize, from, bytes.length, LEVEL, 0, 0));
    if (typeof found === 'number') throw new EncodeError(`bzip2 gave up (${found})`);
    return found;
  }

  /** The first stream of `bytes`. Throws `LimitError` above `maxBytes`, `DecodeError` for what is no bzip2 stream. */
  decompress(bytes: Uint8Array, maxBytes: number): Uint8Array {
    for (let room = Math.min(maxBytes, Math.max(FIRST_OUTPUT, bytes.length * 8)); ; room = Math.min(maxBytes, room * 4)) {
      const found = this.#run(bytes, room, (e, to, toSize, from) => e.BZ2_bzBuffToBuffDecompress(to, toSize, from, bytes.length, 0, 0));
      if (typeof found !== 'number') return found;
      if (found !== OUTPUT_FULL) throw new DecodeError('', `not a bzip2 stream (${found})`);
      if (room >= maxBytes) throw tooLarge(maxBytes);
    }
  }

  /** The output of one call, or libbz2's answer when it is not OK. */
  #run(input: Uint8Array, room: number, call: (e: Exports, to: number, toSize: number, from: number) => number): Uint8Array | number {
    const e = (this.#instance ??= this.#start());
    // Whatever goes wrong in there, the next call starts afresh.
    this.#instance = undefined;
    const [from, to, toSize] = [e.malloc(input.length + 1), e.malloc(room + 1), e.malloc(4)];
    if (from === 0 || to === 0 || toSize === 0) throw new RangeError('no memory');
    new Uint8Array(e.memory.buffer).set(input, from);
    new DataView(e.memory.buffer).setUint32(toSize, room, true);
    const answer = call(e, to, toSize, from);
    // The memory may have moved meanwhile.
    const size = new DataView(e.memory.buffer).getUint32(toSize, true);
    const output = answer === OK ? new Uint8Array(e.memory.buffer).slice(to, to + size) : answer;
    for (const pointer of [from, to, toSize]) e.free(pointer);
    if (e.memory.buffer.byteLength <= KEPT_MEMORY) this.#instance = e;
    return output;
  }

  #start(): Exports {
    const own: { memory?: WasmMemory } = {};
    const bytes = (): Uint8Array => new Uint8Array(own.memory?.buffer ?? new ArrayBuffer(0));
    const env = {
      exit: (code: number) => {
        throw new Error(`bzip2 ended with ${code}`);
      },
      emscripten_memcpy_big: (to: number, from: number, size: number) => void bytes().copyWithin(to, from, from + size),
      emscripten_resize_heap: (size: number) => {
        try {
          own.memory?.grow(Math.ceil(((size >>> 0) - bytes().length) / PAGE));
          return 1;
        } catch {
          // Not to be had: malloc answers 0 then.
          return 0;
        }
      },
    };
    const files = { fd_close: () => NO_FILE, fd_write: () => NO_FILE, fd_seek: () => NO_FILE };
    const e = new WebAssembly.Instance(this.#module, { env, wasi_snapshot_preview1: files }).exports as Exports;
    own.memory = e.memory;
    e.__wasm_call_ctors();
    return e;
  }
}
