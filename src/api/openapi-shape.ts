/** An operation. Its access is in api/routes.ts; a test checks that both list the same operations. */
export interface Operation {
  readonly summary: string;
  /** The OpenAPI tag of the operation. */
  readonly group: string;
  readonly id: string;
  /** Whether it needs no credentials. */
  readonly open?: true;
  readonly query?: readonly Query[];
  /** The name of the body's schema. */
  readonly body?: string;
  readonly ifMatch?: true;
  readonly answer: Answer;
}

export type Query =
  | "limit"
  | "after"
  | "namespace"
  | "repository"
  | "actor"
  | "action"
  | "outcome"
  | "repositories"
  | "confirm"
  | "tag"
  | "since"
  | "until"
  | "sinceDay"
  | "untilDay";

/**
 * The kind of the answer and its schema's name: one resource, a page, lines, or a new resource, with a secret
 * ("issued") or without a path of its own ("set"); null for no content.
 */
export type Answer = readonly ["one" | "page" | "lines" | "new" | "issued" | "set", string] | null;

export const PAGE = ["limit", "after"] as const;
export const NAMESPACE = "/namespaces/{namespace}";
export const REPOSITORY = "/repositories/{name}";

type Rest = Omit<Operation, "summary" | "group" | "id">;

export function op(id: string, summary: string, rest: Rest): Operation {
  return { id, summary, group: "", ...rest };
}

export function page(id: string, summary: string, schema: string, query: readonly Query[] = PAGE) {
  return op(id, summary, { query, answer: ["page", schema] });
}

export function remove(id: string, summary: string, query: readonly Query[] = []): Operation {
  return op(id, summary, { query, ifMatch: true, answer: null });
}

export function change(
  id: string,
  summary: string,
  [body, answer]: readonly [string, string],
  query: readonly Query[] = [],
): Operation {
  return op(id, summary, { query, ifMatch: true, body, answer: ["one", answer] });
}

/** The operations of each group, by `<method> <path>` below /api/v1. */
export type Groups = Readonly<Record<string, Readonly<Record<string, Operation>>>>;
