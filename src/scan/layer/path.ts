import { WalkEnd, type Limits } from "./limits.ts";

const WHITEOUT = ".wh.";
const OPAQUE = ".wh..wh..opq";

/**
 * Returns a path from the image's root without a leading slash, "" for the root; null if it leads out of the root.
 * @throws WalkEnd if it is longer or deeper than a path may be
 */
export function pathOf(name: string, limits: Limits): string | null {
  // A character has up to three bytes as it is measured here, so a short name is not encoded.
  if (name.length * 3 > limits.pathBytes) {
    if (new TextEncoder().encode(name).length > limits.pathBytes) {
      throw new WalkEnd(
        `The layer has a path of more than ${limits.pathBytes} bytes; the rest was not read.`,
      );
    }
  }
  const segments: string[] = [];
  for (const segment of name.split("/")) {
    if (segment === "" || segment === ".") continue;
    if (segment !== "..") segments.push(segment);
    else if (segments.pop() === undefined) return null;
  }
  if (segments.length > limits.pathDepth) {
    throw new WalkEnd(
      `The layer has a path of more than ${limits.pathDepth} directories; the rest was not read.`,
    );
  }
  return segments.join("/");
}

export type Whiteout =
  | { readonly kind: "removed" | "opaque"; readonly path: string }
  /** A note of AUFS for itself, which engines pass over. */
  | { readonly kind: "ignored" };

/** What a file says that stands for the absence of others (OCI image-spec layer.md, "Whiteouts"); null for a file like others. */
export function whiteoutOf(path: string): Whiteout | null {
  const slash = path.lastIndexOf("/");
  const name = path.slice(slash + 1);
  if (!name.startsWith(WHITEOUT)) return null;
  if (name === OPAQUE) return { kind: "opaque", path: path.slice(0, Math.max(slash, 0)) };
  const hidden = name.slice(WHITEOUT.length);
  if (hidden.startsWith(WHITEOUT) || ["", ".", ".."].includes(hidden)) return { kind: "ignored" };
  return { kind: "removed", path: path.slice(0, slash + 1) + hidden };
}
