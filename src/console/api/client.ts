/** Requests to the management API of this origin; the browser adds the session's cookie. */

/** A refusal of the API: a problem document (RFC 9457). */
export class ApiError extends Error {
  readonly status: number;
  /** The reason, as the API's documentation lists them: "NAME_UNKNOWN". */
  readonly code: string;
  /** The fields that are wrong, by their names. */
  readonly fields: ReadonlyMap<string, string>;
  /** What the query field `confirm` has to say for the request to be carried out; null if that is of no help. */
  readonly confirms: string | null;

  constructor(status: number, problem: Problem) {
    super(problem.detail ?? problem.title ?? `HTTP ${status}`);
    this.status = status;
    this.code = problem.code ?? "UNKNOWN";
    const errors = problem.errors ?? [];
    this.fields = new Map(errors.map(({ field = "", message = "" }) => [field, message]));
    this.confirms = errors.find(({ confirm }) => confirm !== undefined)?.confirm ?? null;
  }
}

interface Problem {
  readonly title?: string;
  readonly detail?: string;
  readonly code?: string;
  readonly errors?: readonly {
    readonly field?: string;
    readonly message?: string;
    readonly confirm?: string;
  }[];
}

export type Query = Readonly<Record<string, string | number | boolean | null | undefined>>;

/** A page of a list, as the API answers it. */
export interface Page<Item> {
  readonly items: readonly Item[];
  readonly next: string | null;
}

interface Call {
  readonly method?: "GET" | "POST" | "PUT" | "PATCH" | "DELETE";
  readonly body?: unknown;
  /** The version that is to be changed: the request is refused if somebody else changed it in the meantime. */
  readonly version?: number;
  readonly signal?: AbortSignal;
}

/**
 * The event of the window that says that a request was refused as nobody was signed in when it was sent; somebody may be by
 * now.
 */
export const NOT_SIGNED_IN = "slipway-not-signed-in";

/**
 * Sends a request.
 * @param to a path below /api/v1
 * @returns the answer's JSON; undefined for an empty one
 * @throws ApiError for a refusal, TypeError if there is no answer
 */
export async function call<T>(to: string, given: Call = {}): Promise<T> {
  const { method = "GET", body, version, signal } = given;
  const headers: Record<string, string> = { accept: "application/json" };
  if (body !== undefined) headers["content-type"] = "application/json";
  if (version !== undefined) headers["if-match"] = `"${version}"`;
  const response = await fetch(`/api/v1${to}`, {
    method,
    headers,
    ...(body === undefined ? {} : { body: JSON.stringify(body) }),
    ...(signal === undefined ? {} : { signal }),
  });
  if (!response.ok) {
    // A sign-in that is refused leaves a session as it is, and /me is what listeners of the event ask.
    const isHeard = to !== "/me" && !(method === "POST" && to === "/sessions");
    if (response.status === 401 && isHeard) dispatchEvent(new Event(NOT_SIGNED_IN));
    throw new ApiError(response.status, await problemOf(response));
  }
  return response.status === 204 ? (undefined as T) : ((await response.json()) as T);
}

/** Reads all entries of a list that the API has as JSON lines. @param to a path below /api/v1 @throws as `call` */
export async function readLines(to: string): Promise<string> {
  const response = await fetch(`/api/v1${to}`, { headers: { accept: "application/x-ndjson" } });
  if (!response.ok) throw new ApiError(response.status, await problemOf(response));
  return response.text();
}

/** Whether the services that the registry needs answer. */
export interface Readiness {
  readonly isReady: boolean;
  readonly parts: Readonly<Record<string, boolean>>;
}

/** Asks the health check, which is no part of the API. @throws TypeError if there is no answer */
export async function readReadiness(): Promise<Readiness> {
  const response = await fetch("/readyz", { headers: { accept: "application/json" } });
  const { parts, errors } = (await response.json()) as ReadyAnswer;
  const told = parts ?? errors?.[0]?.detail ?? {};
  return {
    isReady: response.ok,
    parts: Object.fromEntries(Object.entries(told).map(([part, state]) => [part, state === "ok"])),
  };
}

/** The answer of /readyz, or the registry's refusal with the same in it. */
interface ReadyAnswer {
  readonly parts?: Readonly<Record<string, string>>;
  readonly errors?: readonly { readonly detail?: Readonly<Record<string, string>> }[];
}

async function problemOf(response: Response): Promise<Problem> {
  const isProblem = response.headers.get("content-type")?.includes("json") === true;
  return isProblem ? ((await response.json()) as Problem) : {};
}

/** Makes a path below /api/v1 of its segments, each encoded; a repository's name keeps its slashes. */
export function path(strings: TemplateStringsArray, ...values: readonly string[]): string {
  return String.raw({ raw: strings }, ...values.map(encodePath));
}

/** Adds the fields of a query that have a value. */
export function withQuery(to: string, query: Query): string {
  const fields = Object.entries(query).filter(
    ([, value]) => value !== undefined && value !== null && value !== "",
  );
  const text = new URLSearchParams(fields.map(([key, value]) => [key, String(value)])).toString();
  return text === "" ? to : `${to}?${text}`;
}

function encodePath(text: string): string {
  return text.split("/").map(encodeURIComponent).join("/").replaceAll("%3A", ":");
}
