/** What of a tar archive's formats is read, as engines unpack it. */
import { gzipSync, zstdCompressSync } from "node:zlib";
import { expect, test } from "vitest";
import { file, found, read, tar } from "./archive.ts";

const ONE = tar(file("a.pkg", "one 1"), file("b/c.pkg", "two 2\nthree 3"));
const PACKAGES_OF_ONE = ["a.pkg one 1", "b/c.pkg two 2", "b/c.pkg three 3"];

test("a layer is read plain, by gzip and by zstd, whatever its media type says", async () => {
  for (const bytes of [ONE, gzipSync(ONE), zstdCompressSync(ONE)]) {
    const list = await read(bytes);
    expect(found(list)).toEqual(PACKAGES_OF_ONE);
    expect(list.ended).toBeNull();
    expect(list.problems).toEqual([]);
  }
});
