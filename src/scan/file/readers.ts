import type { FileReader } from "../layer/list.ts";
import { apk } from "./apk.ts";
import { dpkg } from "./dpkg.ts";
import { npm } from "./npm.ts";
import { osRelease } from "./os-release.ts";

/** The readers of files that name packages; at most one of them matches a path. */
export const READERS: readonly FileReader[] = [osRelease, apk, dpkg, npm];
