/**
 * Renders Markdown. This file is a chunk of its own, with the parser that only readmes need. HTML in the Markdown is
 * shown as text; what the parser makes is parsed into a document that loads and runs nothing, and of that only known
 * elements come into the page.
 */
import { micromark } from "micromark";
import { gfm, gfmHtml } from "micromark-extension-gfm";
import { isWebLink } from "../../oci/link.ts";

interface Policy {
  createHTML(text: string): string;
}
interface TrustedTypes {
  createPolicy(name: string, rules: Policy): Policy;
}

/** The one way of the page to make elements of text (src/web/policy.ts names it); browsers without it take the text. */
const rules: Policy = { createHTML: (text) => text };
const policy =
  (globalThis as { trustedTypes?: TrustedTypes }).trustedTypes?.createPolicy("readme", rules) ??
  rules;

export interface Options {
  /** Whether images of other sites are loaded; each load tells that site of its reader. */
  readonly withImages: boolean;
  readonly texts: { readonly image: string; readonly table: string };
}

interface Rendered {
  readonly content: DocumentFragment;
  /** How many images of other sites are left out. */
  readonly hiddenImages: number;
}

const REL = "nofollow noopener ugc";
const PREFIX = "readme-";

/** What GitHub Flavored Markdown is made of (https://github.github.com/gfm/); headings and inputs are replaced. */
const ELEMENTS =
  "A BLOCKQUOTE BR CODE DEL EM H2 H3 H4 H5 H6 HR IMG LI OL P PRE SECTION STRONG SUP TABLE TBODY TD TH THEAD TR UL";
const KNOWN = new Set(ELEMENTS.split(" "));

export function render(markdown: string, options: Options): Rendered {
  const html = micromark(markdown, {
    extensions: [gfm()],
    htmlExtensions: [gfmHtml({ clobberPrefix: PREFIX })],
  });
  const parsed = new DOMParser().parseFromString(policy.createHTML(html), "text/html");
  const { body } = parsed;
  changeHeadings(body);
  for (const input of body.querySelectorAll("input")) {
    input.replaceWith(input.hasAttribute("checked") ? "☑" : "☐");
  }
  for (const element of body.querySelectorAll("*")) {
    if (!KNOWN.has(element.tagName)) element.replaceWith(...element.childNodes);
  }
  for (const link of body.querySelectorAll("a")) changeLink(link);
  const hiddenImages = [...body.querySelectorAll("img")].filter((image) =>
    hideImage(image, options),
  ).length;
  for (const table of body.querySelectorAll("table")) changeTable(table, options.texts.table);
  // What scrolls can be reached by the keyboard.
  for (const pre of body.querySelectorAll("pre")) pre.tabIndex = 0;
  const content = document.createDocumentFragment();
  content.append(...body.childNodes);
  return { content, hiddenImages };
}

/** Puts headings below the page's own, one level at a time, and gives them names that links of the readme reach. */
function changeHeadings(body: HTMLElement): void {
  let before = 1;
  const taken = new Map<string, number>();
  for (const heading of body.querySelectorAll("h1, h2, h3, h4, h5, h6")) {
    const level = Math.min(Number(heading.tagName.slice(1)) + 1, before + 1, 6);
    before = level;
    const slug = slugOf(heading.textContent ?? "");
    const count = taken.get(slug) ?? 0;
    taken.set(slug, count + 1);
    const changed = body.ownerDocument.createElement(`h${level}`);
    changed.id = heading.id || `${PREFIX}${slug}${count === 0 ? "" : `-${count}`}`;
    changed.append(...heading.childNodes);
    heading.replaceWith(changed);
  }
}

/** As GitHub names a heading. */
function slugOf(text: string): string {
  return text
    .trim()
    .toLowerCase()
    .replaceAll(/[^\p{L}\p{N}\s_-]/gu, "")
    .replaceAll(/\s/g, "-");
}

function changeLink(link: HTMLAnchorElement): void {
  const href = link.getAttribute("href") ?? "";
  if (href.startsWith("#")) {
    link.setAttribute("href", href.startsWith(`#${PREFIX}`) ? href : `#${PREFIX}${href.slice(1)}`);
  } else if (isWebLink(href)) {
    link.rel = REL;
  } else {
    // A path in the image's sources leads nowhere here.
    link.replaceWith(...link.childNodes);
  }
}

/** @returns whether the image is one of another site that a reader can ask for */
function hideImage(image: HTMLImageElement, { withImages, texts }: Options): boolean {
  const source = image.getAttribute("src") ?? "";
  const label = image.alt === "" ? texts.image : image.alt;
  if (withImages && /^https:/i.test(source)) {
    image.referrerPolicy = "no-referrer";
    image.loading = "lazy";
    return false;
  }
  if (!isWebLink(source) || image.closest("a") !== null) {
    image.replaceWith(`[${label}]`);
    return /^https:/i.test(source);
  }
  const link = image.ownerDocument.createElement("a");
  link.href = source;
  link.rel = REL;
  link.textContent = `[${label}]`;
  image.replaceWith(link);
  return /^https:/i.test(source);
}

/** Has a table scroll on wide screens, and its cells say their column on narrow ones. */
function changeTable(table: HTMLTableElement, label: string): void {
  const titles = [...table.querySelectorAll("thead th")].map((cell) => cell.textContent ?? "");
  for (const row of table.querySelectorAll("tbody tr")) {
    for (const [column, cell] of [...row.children].entries()) {
      cell.setAttribute("data-title", titles[column] ?? "");
    }
  }
  const frame = table.ownerDocument.createElement("div");
  frame.className = "table-scroll";
  frame.tabIndex = 0;
  frame.setAttribute("role", "region");
  frame.setAttribute("aria-label", label);
  table.replaceWith(frame);
  frame.append(table);
}
