import type { Distribution, Package } from "../package.ts";
import { FileTree } from "./file-tree.ts";
import type { LayerList } from "./list.ts";

/** A package, and the layer that brought it into the image. */
export interface LayerPackage extends Package {
  readonly layer: string;
}

export interface ImagePackages {
  readonly packages: readonly LayerPackage[];
  readonly distribution: Distribution | null;
  readonly problems: readonly string[];
}

interface ImageFile {
  readonly path: string;
  readonly packages: readonly LayerPackage[];
  readonly distribution: Distribution | null;
  /** How many layers are below the one that the file is of. */
  readonly height: number;
}

/** Directories that are links to those in usr/ where a distribution has merged them. */
const MERGED = new Set(["bin", "lib", "lib32", "lib64", "libx32", "sbin"]);

/** apk's database is one, under its old name or its new one. */
const APK_DATABASES = ["usr/lib/apk/db/installed", "lib/apk/db/installed"];

/** os-release of etc holds before that of usr/lib (os-release(5)). */
const OS_RELEASES = ["etc/os-release", "usr/lib/os-release"];

/**
 * Returns what an image holds, by the lists of its layers from the lowest to the uppermost. A package of a database that is written
 * anew, as package managers do, is of the layer that brought it first.
 */
export function mergeLayers(
  layers: readonly (LayerList & { readonly digest: string })[],
): ImagePackages {
  const tree = new FileTree<ImageFile>();
  const links = new Set<string>();
  for (const [height, layer] of layers.entries()) {
    for (const path of layer.plainFiles) if (MERGED.has(path)) links.add(path);
    put(tree, { layer, height, real: (path) => realPath(path, links) });
  }
  const files = withOneApkDatabase(tree);
  return {
    packages: files.flatMap(({ packages }) => packages),
    distribution: distributionOf(files),
    problems: [...new Set(layers.flatMap(({ problems }) => problems))],
  };
}

/** Where a path leads in an image whose directories of the root are links into usr/. */
function realPath(path: string, links: ReadonlySet<string>): string {
  const slash = path.indexOf("/");
  return slash > 0 && links.has(path.slice(0, slash)) ? `usr/${path}` : path;
}

interface Step {
  readonly layer: LayerList & { readonly digest: string };
  readonly height: number;
  readonly real: (path: string) => string;
}

/** Puts a layer over those below it. What it removes is of the lower layers, never its own. */
function put(tree: FileTree<ImageFile>, { layer, height, real }: Step): void {
  const files = filesOf(layer, height, real).map((file) => withOrigins(file, tree));
  for (const path of layer.opaque) tree.empty(path === "" ? "" : real(path));
  for (const path of layer.removed) tree.remove(real(path));
  for (const path of layer.plainFiles) tree.remove(real(path));
  for (const file of files) tree.set(file.path, file);
}

function filesOf(
  { packages, distributions, digest }: Step["layer"],
  height: number,
  real: Step["real"],
): ImageFile[] {
  const byPath = new Map<string, LayerPackage[]>();
  for (const pkg of packages) {
    const path = real(pkg.path);
    const same = byPath.get(path);
    if (same === undefined) byPath.set(path, [{ ...pkg, layer: digest }]);
    else same.push({ ...pkg, layer: digest });
  }
  const named = [...byPath].map(([path, of]) => ({
    path,
    packages: of,
    distribution: null,
    height,
  }));
  const releases = distributions.map(({ path, distribution }) => ({
    path: real(path),
    packages: [],
    distribution,
    height,
  }));
  return [...named, ...releases];
}

/** A package that the file had in a lower layer is of that layer. */
function withOrigins(file: ImageFile, below: FileTree<ImageFile>): ImageFile {
  const lower = APK_DATABASES.includes(file.path)
    ? APK_DATABASES.flatMap((path) => below.get(path) ?? [])
    : [below.get(file.path)].filter((found) => found !== null);
  if (lower.length === 0) return file;
  const origins = new Map(
    lower.flatMap(({ packages }) => packages.map((pkg) => [identityOf(pkg), pkg.layer] as const)),
  );
  const packages = file.packages.map((pkg) => ({
    ...pkg,
    layer: origins.get(identityOf(pkg)) ?? pkg.layer,
  }));
  return { ...file, packages };
}

function identityOf({ type, name, version, arch }: Package): string {
  return JSON.stringify([type, name, version, arch]);
}

/** Of both names of apk's database the upper layer's holds, and where one layer has both they are the same. */
function withOneApkDatabase(tree: FileTree<ImageFile>): ImageFile[] {
  const databases = APK_DATABASES.flatMap((path) => tree.get(path) ?? []);
  const [upper] = databases.toSorted((a, b) => b.height - a.height);
  return tree.files().filter((file) => file === upper || !databases.includes(file));
}

function distributionOf(files: readonly ImageFile[]): Distribution | null {
  const releases = files.filter(({ distribution }) => distribution !== null);
  const [first] = releases.toSorted(
    (a, b) => rankOf(a.path) - rankOf(b.path) || b.height - a.height,
  );
  return first?.distribution ?? null;
}

function rankOf(path: string): number {
  const rank = OS_RELEASES.indexOf(path);
  return rank < 0 ? OS_RELEASES.length : rank;
}
