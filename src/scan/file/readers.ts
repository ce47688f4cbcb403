import type { FileReader } from "../layer/list.ts";
import { apk } from "./apk.ts";
import { composer } from "./composer.ts";
import { dpkg } from "./dpkg.ts";
import { gem } from "./gem.ts";
import { jar } from "./jar.ts";
import { npm } from "./npm.ts";
import { nuget } from "./nuget.ts";
import { osRelease } from "./os-release.ts";
import { python } from "./python.ts";

/** The readers of files that name packages; at most one of them matches a path. */
export const READERS: readonly FileReader[] = [
  osRelease,
  apk,
  dpkg,
  npm,
  python,
  gem,
  composer,
  nuget,
  jar,
];
