/** The labels whose values pages and terminals show as links (image-spec annotations.md). */
export const LINK_LABELS: readonly string[] = ["source", "url", "documentation"].map(
  (name) => `org.opencontainers.image.${name}`,
);

/** Whether following it opens a page: a link of another scheme can run as a script of the page that shows it. */
export function isWebLink(text: string): boolean {
  return /^https?:\/\//i.test(text) && URL.canParse(text);
}
