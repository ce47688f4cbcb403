/** The longest platform that is shown, in characters. */
const MAX_LENGTH = 100;

/**
 * Returns a platform as os/architecture/variant, from the `platform` of a descriptor or from an image's config
 * (image-spec image-index.md, config.md). The variant is optional.
 * @param json anything that a client has put there
 * @returns null if there is none
 */
export function platformOf(json: unknown): string | null {
  const { os, architecture, variant } = (json ?? {}) as Record<string, unknown>;
  if (typeof os !== "string" || typeof architecture !== "string") return null;
  const parts = [os, architecture, ...(typeof variant === "string" ? [variant] : [])];
  const platform = parts.filter((part) => part !== "").join("/");
  return platform === "" ? null : platform.slice(0, MAX_LENGTH).toWellFormed();
}

/** The platform that BuildKit gives to attestations, which run nowhere. */
const NOWHERE = "unknown/unknown";

/** Returns whether a platform has only the characters of real ones: terminals and web pages show it unchanged. */
export function isShownPlatform(platform: string): boolean {
  return platform !== NOWHERE && /^[\w.-]+(?:\/[\w.-]+){1,2}$/.test(platform);
}
