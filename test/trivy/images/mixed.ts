/** Images of several layers, in which upper ones overwrite, hide and link what lower ones brought. */
import { link, mkdir } from "node:fs/promises";
import { join } from "node:path";
import { type Image, writeImage } from "../image.ts";
import { copyTree, npmTree, pythonTree } from "../supply.ts";
import { osRelease, put, tree } from "./tree.ts";

export async function mixedImages(
  work: string,
  layout: (name: string) => string,
): Promise<readonly Image[]> {
  return [await mixed(work, layout("mixed")), await longNames(work, layout("long-names"))];
}

const OPAQUE = ".wh..wh..opq";

function npm(name: string, version: string): string {
  return JSON.stringify({ name, version });
}

async function mixed(work: string, layout: string): Promise<Image> {
  const site = "opt/venv/lib/python3.11/site-packages";
  const first = await tree(work, {
    ...osRelease("debian", "11", "Debian GNU/Linux 11 (bullseye)"),
    "app/node_modules/overwritten/package.json": npm("overwritten", "1.0.0"),
    "app/node_modules/same/package.json": npm("same", "1.0.0"),
    "app/node_modules/removed/package.json": npm("removed", "1.0.0"),
    "app/node_modules/emptied/package.json": npm("emptied", "1.0.0"),
    "app/node_modules/@scope/gone/package.json": npm("@scope/gone", "1.0.0"),
    "app/node_modules/@scope/stays/package.json": npm("@scope/stays", "1.0.0"),
    "app/node_modules/file-for-directory/package.json": npm("file-for-directory", "1.0.0"),
    "app/node_modules/directory-for-file/package.json": npm("directory-for-file", "1.0.0"),
    "srv/old/node_modules/a/package.json": npm("a", "1.0.0"),
    "srv/old/node_modules/b/package.json": npm("b", "1.0.0"),
    "srv/kept/node_modules/c/package.json": npm("c", "1.0.0"),
  });
  await mkdir(join(first, site), { recursive: true });
  await copyTree(await pythonTree(["requests==2.28.1"]), join(first, site));
  const second = await tree(work, {
    ...osRelease("debian", "12", "Debian GNU/Linux 12 (bookworm)"),
    "app/node_modules/overwritten/package.json": npm("overwritten", "2.0.0"),
    "app/node_modules/same/package.json": npm("same", "1.0.0"),
    "app/node_modules/.wh.removed": "",
    "app/node_modules/emptied/package.json": '{"private": true}',
    "app/node_modules/@scope/.wh.gone": "",
    "app/node_modules/file-for-directory": "a file now",
    "app/node_modules/directory-for-file/package.json/file": "a directory now",
    [`srv/old/${OPAQUE}`]: "",
    "srv/old/node_modules/new/package.json": npm("new", "1.0.0"),
    "srv/.wh.kept": "",
    [`${site}/.wh.requests-2.28.1.dist-info`]: "",
    [`${site}/requests-2.31.0.dist-info/METADATA`]:
      "Metadata-Version: 2.1\nName: requests\nVersion: 2.31.0\n\nA text\n",
  });
  const third = await tree(work, {
    "app/node_modules/removed/package.json": npm("removed", "3.0.0"),
    "store/d/package.json": npm("d", "4.0.0"),
    "srv/kept/node_modules/again/package.json": npm("again", "1.0.0"),
  });
  await mkdir(join(third, "app/node_modules/d"), { recursive: true });
  await link(join(third, "store/d/package.json"), join(third, "app/node_modules/d/package.json"));
  const fourth = await tree(work, { "store/.wh.d": "" });
  return writeImage(layout, "mixed", [
    { tree: first, format: "ustar" },
    { tree: second, compression: "zstd" },
    { tree: third, compression: "none", format: "gnu" },
    { tree: fourth },
  ]);
}

/** Paths longer than the 100 characters of a header, and with other letters than those of ASCII. */
async function longNames(work: string, layout: string): Promise<Image> {
  const deep = "deep/".repeat(60);
  const files = {
    [`${deep}node_modules/long/package.json`]: npm("long", "1.0.0"),
    "srv/größe/node_modules/letters/package.json": npm("letters", "1.0.0"),
    "srv/a b/node_modules/space/package.json": npm("space", "1.0.0"),
  };
  const first = await tree(work, files);
  const second = await tree(work, {
    [`gnu/${deep}node_modules/long/package.json`]: npm("long", "2.0.0"),
  });
  await put(second, { [`gnu/${deep}x`]: "x" });
  await link(join(second, `gnu/${deep}x`), join(second, `gnu/${deep}${"y".repeat(150)}`));
  const third = await tree(work);
  await copyTree(await npmTree({ "left-pad": "1.3.0" }), join(third, "deep"));
  return writeImage(layout, "long-names", [
    { tree: first, format: "pax" },
    { tree: second, format: "gnu" },
    { tree: third },
  ]);
}
