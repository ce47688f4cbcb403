/**
 * Builds the console, src/console/, into dist/console/, which wrangler.toml names as static assets. Wrangler runs it
 * before each build of the Worker; the same sources give the same names and bytes.
 */
import { mkdir, readdir, readFile, rm, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { build, type Metafile } from "esbuild";

const ROOT = join(import.meta.dirname, "..");
const SOURCE = join(ROOT, "src", "console");
export const ASSETS = join(ROOT, "dist", "console", "assets");

/** The page, which is written last: what it names is there. */
export const CONSOLE_PAGE = join(ROOT, "dist", "console", "index.html");

/** Files whose names index.html asks for, as {{main}}. */
const ENTRIES = {
  main: "main.tsx",
  style: "style.css",
  icon: "icon.svg",
};

const OPTIONS = {
  absWorkingDir: ROOT,
  outdir: ASSETS,
  entryNames: "[name]-[hash]",
  chunkNames: "[name]-[hash]",
  assetNames: "[name]-[hash]",
  write: false,
  bundle: true,
  target: "es2022",
  minify: true,
  charset: "utf8",
  loader: { ".svg": "copy" },
  jsx: "automatic",
  jsxImportSource: "preact",
  legalComments: "eof",
  logLevel: "warning",
} as const;

/**
 * Writes each file into place, and deletes those of older builds. Two builds at once write the same bytes.
 * @returns what esbuild tells of the files and their sources
 */
export async function buildConsole(): Promise<Metafile> {
  const { outputFiles: modules, metafile } = await build({
    ...OPTIONS,
    entryPoints: Object.entries(ENTRIES).map(([out, file]) => ({ in: join(SOURCE, file), out })),
    splitting: true,
    format: "esm",
    metafile: true,
  });
  // Modules run after the page is drawn; this one must not.
  const { outputFiles: early } = await build({
    ...OPTIONS,
    entryPoints: [{ in: join(SOURCE, "theme/early.ts"), out: "theme" }],
    format: "iife",
  });
  const outputFiles = [...modules, ...early];
  await mkdir(ASSETS, { recursive: true });
  await Promise.all(outputFiles.map(({ path, contents }) => writeFile(path, contents)));
  const names = outputFiles.map(({ path }) => nameOf(path));
  await writeFile(CONSOLE_PAGE, await pageOf(names, metafile));
  const old = (await readdir(ASSETS)).filter((name) => !names.includes(name));
  await Promise.all(old.map((name) => rm(join(ASSETS, name), { force: true })));
  return metafile;
}

async function pageOf(names: readonly string[], metafile: Metafile): Promise<string> {
  const template = await readFile(join(SOURCE, "index.html"), "utf8");
  const fileOf = (entry: string): string => {
    const name = names.find((one) => new RegExp(`^${entry}-[A-Z0-9]{8}\\.\\w+$`).test(one));
    if (name === undefined) throw new Error(`index.html asks for ${entry}, which is not built`);
    return name;
  };
  // Without this a browser asks for what the script imports only when it has read the script.
  const imported = importedBy(fileOf("main"), metafile);
  const preloads = imported.map((name) => `<link rel="modulepreload" href="/assets/${name}" />`);
  return template
    .replaceAll(/\{\{(\w+)\}\}/g, (_, entry: string) => `/assets/${fileOf(entry)}`)
    .replace("</head>", `${preloads.join("")}</head>`);
}

/** Returns the files that a module imports, and those that these import; what `import()` loads comes later. */
export function importedBy(name: string, { outputs }: Metafile): string[] {
  const found = new Set([name]);
  for (const one of found) {
    for (const { path, kind } of outputs[`dist/console/assets/${one}`]?.imports ?? []) {
      if (kind === "import-statement") found.add(nameOf(path));
    }
  }
  return [...found].slice(1);
}

function nameOf(path: string): string {
  return path.slice(path.lastIndexOf("/") + 1);
}

if (process.argv[1] === import.meta.filename) await buildConsole();
