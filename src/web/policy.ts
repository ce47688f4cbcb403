/**
 * What a page of the console may load: only what is of this origin. Scripts can make no HTML from text but by the
 * policy "readme", which takes what the Markdown renderer made.
 */
export const PAGE_POLICY = policyWith("'self' data:");

/** The same, for a reader who asked for the images of a readme, which may be anywhere. */
export const REMOTE_IMAGES_POLICY = policyWith("'self' data: https:");

function policyWith(images: string): string {
  return [
    "default-src 'none'",
    "script-src 'self'",
    "style-src 'self'",
    `img-src ${images}`,
    "connect-src 'self'",
    "frame-ancestors 'none'",
    "base-uri 'none'",
    "form-action 'self'",
    "require-trusted-types-for 'script'",
    "trusted-types readme",
  ].join("; ");
}
