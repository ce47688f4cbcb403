import type { Package } from "../../package.ts";

/** No name of a source's file is as long. */
const MAX_FILE_CHARS = 1_024;

/** Puts an epoch before a version; an epoch of 0 is none. */
export function withEpoch(epoch: string, version: string): string {
  return /^0*$/.test(epoch) ? version : `${epoch}:${version}`;
}

/**
 * Parses the name of a source's file, "name-version-release.src.rpm"; null for what is none.
 * @param epoch the package's, which its source has too; the file's name has none
 */
export function sourceOfRpm(file: string, epoch: string): Package["source"] {
  const [, name = "", version = ""] =
    /^(.+)-([^-]+-[^-]+)\.(?:no)?src\.rpm$/s.exec(file.slice(0, MAX_FILE_CHARS)) ?? [];
  return name === "" ? null : { name, version: withEpoch(epoch, version) };
}
