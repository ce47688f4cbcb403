import * as v from "valibot";
import type { Package } from "./package.ts";
import { namesPackage, parsePurl, type Purl } from "./match/purl.ts";

const MAX_STATEMENTS = 5_000;
const MAX_PRODUCTS = 1_000;

const Text = v.pipe(v.string(), v.maxLength(2_048));

/** An id alone, or an object that has it. */
const Component = v.union([
  v.pipe(
    Text,
    v.transform((id) => ({ "@id": id, identifiers: undefined })),
  ),
  v.object({
    "@id": v.optional(Text),
    identifiers: v.optional(v.object({ purl: v.optional(Text) })),
  }),
]);

const Product = v.union([
  v.pipe(
    Text,
    v.transform((id) => ({ "@id": id, identifiers: undefined, subcomponents: [] })),
  ),
  v.object({
    "@id": v.optional(Text),
    identifiers: v.optional(v.object({ purl: v.optional(Text) })),
    subcomponents: v.optional(v.pipe(v.array(Component), v.maxLength(MAX_PRODUCTS)), []),
  }),
]);

/** Older documents have the vulnerability's name alone. */
const Vulnerability = v.union([
  v.pipe(
    Text,
    v.transform((name) => ({ name, aliases: [] as string[] })),
  ),
  v.object({ name: Text, aliases: v.optional(v.array(Text), []) }),
]);

const STATUSES = ["not_affected", "affected", "fixed", "under_investigation"] as const;

const Statement = v.object({
  vulnerability: Vulnerability,
  timestamp: v.optional(Text),
  products: v.optional(v.pipe(v.array(Product), v.maxLength(MAX_PRODUCTS)), []),
  status: v.picklist(STATUSES),
  justification: v.optional(Text, ""),
  impact_statement: v.optional(Text, ""),
});

const Document = v.object({
  "@context": v.pipe(v.string(), v.startsWith("https://openvex.dev/ns")),
  author: v.optional(Text, ""),
  timestamp: v.optional(Text, ""),
  statements: v.pipe(v.array(Statement), v.maxLength(MAX_STATEMENTS)),
});

/** What somebody says of a vulnerability in an image, in an OpenVEX document (github.com/openvex/spec, 0.2.0). */
export interface VexStatement {
  /** All names of the vulnerability. */
  readonly vulnerabilities: readonly string[];
  readonly products: readonly v.InferOutput<typeof Product>[];
  readonly status: (typeof STATUSES)[number];
  /** One of the spec's words, such as "component_not_present"; empty if none is given. */
  readonly justification: string;
  readonly impact: string;
  readonly author: string;
  /** Milliseconds since 1970; of two statements about the same the later one counts. */
  readonly timeMs: number;
}

/** What documents say that are attached to an image, or to an index that names it. */
export interface AttachedVex {
  readonly statements: readonly VexStatement[];
  /** The image's digest, and those of the indexes. */
  readonly subjects: readonly string[];
}

/** Parses an OpenVEX document; null for what is none. */
export function parseVex(json: unknown): readonly VexStatement[] | null {
  const parsed = v.safeParse(Document, json);
  if (!parsed.success) return null;
  const { author, timestamp, statements } = parsed.output;
  return statements.map((statement) => ({
    vulnerabilities: [statement.vulnerability.name, ...statement.vulnerability.aliases],
    products: statement.products,
    status: statement.status,
    justification: statement.justification,
    impact: statement.impact_statement,
    author,
    timeMs: Date.parse(statement.timestamp ?? timestamp) || 0,
  }));
}

/** The image that a document is attached to. */
export interface VexImage {
  /** Its repository; the last part of the path is its name in package URLs. */
  readonly repository: string;
  /** The manifest's digest, and those of indexes that it is in. */
  readonly digests: readonly string[];
}

/**
 * Tells whether a statement speaks of a package of an image. Its products are the image, with the package among the
 * subcomponents if there are any, or the package itself. A product that is another image is not meant.
 */
export function speaksOf({ products }: VexStatement, pkg: Package, image: VexImage): boolean {
  return products.some((product) => {
    const purl = purlIn(product);
    if (purl === null) return false;
    if (namesPackage(purl, pkg)) return true;
    if (!isImage(purl, image)) return false;
    if (product.subcomponents.length === 0) return true;
    return product.subcomponents.some((component) => {
      const named = purlIn(component);
      return named !== null && namesPackage(named, pkg);
    });
  });
}

function isImage({ type, path, version }: Purl, { repository, digests }: VexImage): boolean {
  if (type !== "oci") return false;
  return version === null
    ? path.at(-1) === repository.slice(repository.lastIndexOf("/") + 1)
    : digests.includes(version);
}

function purlIn(component: v.InferOutput<typeof Component>): Purl | null {
  return parsePurl(component.identifiers?.purl ?? component["@id"] ?? "");
}
