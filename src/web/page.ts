/** The pages of the console: one HTML file of the static assets, with what a reader without JavaScript needs. */
import { secretIn } from "../auth/sign-in/cookie.ts";
import type { Context } from "../http/context.ts";
import { RegistryError } from "../oci/errors.ts";
import { isRepositoryName } from "../oci/reference.ts";
import { PAGE_POLICY, REMOTE_IMAGES_POLICY } from "./policy.ts";

/** What a page shows without JavaScript, and in link previews. */
interface Preview {
  readonly heading: string;
  readonly description: string;
  /** The command that pulls the image; null where the page is about no repository. */
  readonly pull: string | null;
}

const REGISTRY: Preview = {
  heading: "Slipway",
  description: "A container registry: docker login, push and pull.",
  pull: null,
};

/**
 * Answers a page. Of a repository, only what everyone may see is written into it: a private one looks like one that is
 * not there, and the console asks the API for the rest.
 * @throws UNAVAILABLE if the console was not built
 */
export async function page(context: Context): Promise<Response> {
  const { request, url, assets } = context;
  const html = await assets.fetch(new URL("/index.html", url));
  if (!html.ok) {
    throw new RegistryError("UNAVAILABLE", {
      message: "the console is not built: npm run build-console",
    });
  }
  const preview = (await previewOf(context)) ?? REGISTRY;
  // The page only says that there is one: the API checks it.
  const hasSession = secretIn(request.headers) !== null;
  const { body } = new HTMLRewriter()
    .on("title", { element: (title) => void title.setInnerContent(titleOf(preview)) })
    .on("head", { element: (head) => void head.append(metaOf(preview, hasSession), HTML) })
    .on("noscript", { element: (place) => void place.before(bodyOf(preview), HTML) })
    .transform(html);
  const wantsImages = url.searchParams.get("images") === "remote";
  return new Response(body, {
    headers: {
      "content-type": "text/html; charset=utf-8",
      "content-security-policy": wantsImages ? REMOTE_IMAGES_POLICY : PAGE_POLICY,
      "cross-origin-opener-policy": "same-origin",
      "referrer-policy": "same-origin",
    },
  });
}

async function previewOf({ url, settings, registry }: Context): Promise<Preview | null> {
  const path = /^\/repositories\/(.+?)(?:\/-\/.*)?\/*$/.exec(url.pathname)?.[1] ?? "";
  if (!isRepositoryName(path)) return null;
  const [found] = await registry.repositoryLists.named([path]);
  if (found === undefined || (found.visibility !== "public" && !settings.publicPull)) return null;
  return {
    heading: found.name,
    description: found.description,
    pull: `docker pull ${url.host}/${found.name}`,
  };
}

const HTML = { html: true } as const;

function titleOf({ heading }: Preview): string {
  return heading === REGISTRY.heading ? heading : `${heading} · ${REGISTRY.heading}`;
}

/** Makes the head's elements: https://ogp.me has the names that link previews read. */
function metaOf(preview: Preview, hasSession: boolean): string {
  const description = escapeHtml(preview.description || REGISTRY.description);
  return [
    `<meta name="description" content="${description}">`,
    `<meta property="og:title" content="${escapeHtml(titleOf(preview))}">`,
    `<meta property="og:description" content="${description}">`,
    `<meta name="slipway-session" content="${hasSession ? "yes" : "no"}">`,
  ].join("");
}

function bodyOf({ heading, description, pull }: Preview): string {
  const command = pull === null ? "" : `<pre><code>${escapeHtml(pull)}</code></pre>`;
  return `<main class="preview"><h1>${escapeHtml(heading)}</h1><p>${escapeHtml(description)}</p>${command}</main>`;
}

const ENTITIES: Readonly<Record<string, string>> = {
  "&": "&amp;",
  "<": "&lt;",
  ">": "&gt;",
  '"': "&quot;",
  "'": "&#39;",
};

function escapeHtml(text: string): string {
  return text.replaceAll(/[&<>"']/g, (character) => ENTITIES[character] ?? "");
}
