/** The labels whose values web pages and terminals show as links (image-spec annotations.md). */
export const LINK_LABELS: readonly string[] = ["source", "url", "documentation"].map(
  (name) => `org.opencontainers.image.${name}`,
);

/**
 * Returns whether the link opens a web page. Other schemes are refused: a "javascript:" link would run as a script of
 * the page that shows it.
 */
export function isWebLink(text: string): boolean {
  return /^https?:\/\//i.test(text) && URL.canParse(text);
}
