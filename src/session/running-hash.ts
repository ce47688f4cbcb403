import type { Algorithm } from "../oci/digest.ts";
import sha256Module from "./sha256.wasm";
import sha512Module from "./sha512.wasm";

/**
 * The exports of a hash whose state can be saved and continued, in another request or after an eviction. DigestStream
 * and node:crypto cannot do that, so the compression function is hash-wasm's, in WebAssembly (300-400 MB/s). The
 * published package compiles WebAssembly from bytes, which Workers forbid; its modules lie beside this file instead
 * (test/session/running-hash.test.ts compares them with the package).
 */
interface HashExports {
  readonly memory: WebAssembly.Memory;
  readonly STATE_SIZE: WebAssembly.Global;
  Hash_GetBuffer(): number;
  Hash_GetState(): number;
  Hash_Init(bits: number): void;
  Hash_Update(length: number): void;
  Hash_Final(): void;
}

/** The module's input buffer (hash-wasm, MAX_HEAP). */
const INPUT_SIZE = 16 * 1024;

class Engine {
  readonly #exports: HashExports;
  readonly #bits: number;

  constructor(module: WebAssembly.Module, bits: number) {
    this.#exports = new WebAssembly.Instance(module).exports as unknown as HashExports;
    this.#bits = bits;
  }

  update(state: Uint8Array | null, bytes: Uint8Array): Uint8Array {
    this.#resume(state);
    this.#feed(bytes);
    return this.#state().slice();
  }

  final(state: Uint8Array | null, rest: Uint8Array): Uint8Array {
    this.#resume(state);
    this.#feed(rest);
    this.#exports.Hash_Final();
    return new Uint8Array(
      this.#exports.memory.buffer,
      this.#exports.Hash_GetBuffer(),
      this.#bits / 8,
    ).slice();
  }

  #resume(state: Uint8Array | null): void {
    if (state === null) this.#exports.Hash_Init(this.#bits);
    else this.#state().set(state);
  }

  #feed(bytes: Uint8Array): void {
    const { memory } = this.#exports;
    const input = new Uint8Array(memory.buffer, this.#exports.Hash_GetBuffer(), INPUT_SIZE);
    for (let offset = 0; offset < bytes.length; offset += INPUT_SIZE) {
      const piece = bytes.subarray(offset, offset + INPUT_SIZE);
      input.set(piece);
      this.#exports.Hash_Update(piece.length);
    }
  }

  #state(): Uint8Array {
    const { memory, STATE_SIZE } = this.#exports;
    const size = new DataView(memory.buffer).getUint32(STATE_SIZE.value as number, true);
    return new Uint8Array(memory.buffer, this.#exports.Hash_GetState(), size);
  }
}

const engines: Partial<Record<Algorithm, Engine>> = {};

/**
 * Returns the one instance for an algorithm. It serves every upload of the isolate: a call is synchronous and brings
 * its own state.
 */
function engine(algorithm: Algorithm): Engine {
  return (engines[algorithm] ??=
    algorithm === "sha256" ? new Engine(sha256Module, 256) : new Engine(sha512Module, 512));
}

/** Returns the state after more bytes; null stands for the state before the first byte. */
export function updateState(
  algorithm: Algorithm,
  state: Uint8Array | null,
  bytes: Uint8Array,
): Uint8Array {
  return engine(algorithm).update(state, bytes);
}

/** Returns the hash of all bytes that the state has seen and of `rest`. */
export function finalHash(
  algorithm: Algorithm,
  state: Uint8Array | null,
  rest: Uint8Array,
): Uint8Array {
  return engine(algorithm).final(state, rest);
}
