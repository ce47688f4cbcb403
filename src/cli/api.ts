/** A client of the management API, for one registry and one set of credentials. */
import { CliError, type Fault } from "./error.ts";
import { missingAt } from "./missing.ts";
import { basic } from "./remote/basic.ts";
import { networkReasonOf } from "./network-reason.ts";
import { unreachable } from "./remote/unreachable.ts";
import { copyable } from "./sentence.ts";

export type Credentials =
  | { readonly user: string; readonly password: string }
  /** A secret says by itself whose it is; the source is where it was taken from. */
  | { readonly token: string; readonly source: "login" | "SLIPWAY_TOKEN" };

export type Query = Readonly<Record<string, string | undefined>>;

interface Sending {
  readonly body?: unknown;
  readonly query?: Query;
  /** The ETag of what was read before, so that nobody else's change is overwritten. */
  readonly ifMatch?: string;
  readonly accept?: string;
}

interface Versioned<T> {
  readonly value: T;
  readonly etag: string | undefined;
}

interface Page<T> {
  readonly items: readonly T[];
  readonly next: string | null;
}

const BASE = "/api/v1";

export class Api {
  /** Such as "https://registry.example.com". */
  readonly registry: string;
  readonly credentials: Credentials | null;

  constructor(registry: string, credentials: Credentials | null) {
    this.registry = registry;
    this.credentials = credentials;
  }

  /** Host and port, with which image names begin. */
  get host(): string {
    return new URL(this.registry).host;
  }

  async get<T>(path: string, query: Query = {}): Promise<T> {
    return this.#parse(await this.request("GET", BASE + path, { query }));
  }

  /** Reads a resource with the ETag to change it by. */
  async read<T>(path: string): Promise<Versioned<T>> {
    const response = await this.request("GET", BASE + path);
    const etag = response.headers.get("etag") ?? undefined;
    return { value: await this.#parse(response), etag };
  }

  async send<T>(
    method: "POST" | "PUT" | "PATCH",
    path: string,
    body: object,
    ifMatch?: string,
  ): Promise<T> {
    const sending = ifMatch === undefined ? { body } : { body, ifMatch };
    return this.#parse(await this.request(method, BASE + path, sending));
  }

  async remove(path: string, query: Query = {}): Promise<void> {
    const response = await this.request("DELETE", BASE + path, { query });
    await response.body?.cancel();
  }

  /** Everything in a list, page by page. */
  async *list<T>(path: string, query: Query = {}): AsyncGenerator<T, void> {
    let { after } = query;
    do {
      const response = await this.request("GET", BASE + path, { query: { ...query, after } });
      const page: Page<T> = await this.#parse(response);
      yield* page.items;
      after = page.next ?? undefined;
    } while (after !== undefined);
  }

  /** The same as JSON lines, as long as the list may be. */
  async *export(path: string, query: Query): AsyncGenerator<Uint8Array, void> {
    const accept = "application/x-ndjson";
    const response = await this.request("GET", BASE + path, { query, accept });
    try {
      if (response.body !== null) yield* response.body;
    } catch (error) {
      throw this.#broken(error);
    }
  }

  /** @throws CliError for every answer that is a refusal, and for none */
  async request(method: string, path: string, sending: Sending = {}): Promise<Response> {
    const url = new URL(this.registry + path);
    for (const [name, value] of Object.entries(sending.query ?? {})) {
      if (value !== undefined) url.searchParams.set(name, value);
    }
    const headers = new Headers({ accept: sending.accept ?? "application/json" });
    headers.set("user-agent", "slipway");
    if (this.credentials !== null) headers.set("authorization", authorization(this.credentials));
    if (sending.ifMatch !== undefined) headers.set("if-match", sending.ifMatch);
    if (sending.body !== undefined) headers.set("content-type", "application/json");
    const body = sending.body === undefined ? null : JSON.stringify(sending.body);
    // A redirect would be followed by a GET, and possibly out of TLS.
    const response = await reach(url, { method, headers, body, redirect: "error" });
    if (response.ok) return response;
    throw await this.#refusal(path, response);
  }

  async #parse<T>(response: Response): Promise<T> {
    try {
      const text = await response.text();
      return (text === "" ? null : JSON.parse(text)) as T;
    } catch (error) {
      throw this.#broken(error);
    }
  }

  #broken(error: unknown): CliError {
    const { registry } = this;
    if (!(error instanceof SyntaxError)) {
      return new CliError(`${registry} broke off: ${networkReasonOf(error)}`, { cause: error });
    }
    return new CliError(`${registry} answered no JSON: is it a Slipway registry?`, {
      cause: error,
    });
  }

  async #refusal(path: string, response: Response): Promise<CliError> {
    const { status } = response;
    if (status === 412) {
      const message = "it was changed meanwhile: run this again";
      return new CliError(message, { status, code: "VERSION_MISMATCH" });
    }
    const said = refusalIn(await response.text());
    const { code = `HTTP_${status}`, faults = [] } = said ?? {};
    const missing = status === 404 ? missingAt(path, said?.sentence ?? "") : null;
    const message = missing?.message ?? said?.sentence ?? `${this.registry} answered ${status}`;
    const hint = missing?.hint ?? this.#hint(response, faults);
    return new CliError(message, { code, status, faults, ...(hint === null ? {} : { hint }) });
  }

  /** The next step, which the registry cannot say as it does not know this command line. */
  #hint({ status, headers }: Response, faults: readonly Fault[]): string | null {
    const wait = headers.get("retry-after");
    if (status === 429 && wait !== null) return `Try again in ${wait} seconds.`;
    if (faults.some(({ needs }) => needs === "password")) return PASSWORD_HINT;
    if (status !== 401) return null;
    const { credentials } = this;
    const login = copyable(`slipway login ${this.host}`);
    if (credentials === null) return `Log in: ${login}`;
    if ("user" in credentials) {
      return `Check the name and the password. If it is forgotten: ${newPasswordOf(credentials.user)}`;
    }
    if (credentials.source === "login") return `Log in again: ${login}`;
    return `SLIPWAY_TOKEN was sent, and is no valid token here. Set another, or unset it and log in: ${login}`;
  }
}

function newPasswordOf(user: string): string {
  return user === "admin"
    ? "it is the deployment's secret ADMIN_PASSWORD (docs/local.md)"
    : `an administrator sets another: ${copyable(`slipway user password ${user}`)}`;
}

/** Logging in anew would make a token that ends again. */
export const PASSWORD_HINT = `Give the password with this command: ${copyable("-u USER")} at a terminal, ${copyable("-u USER --password-stdin")} in a script. Or log in once with ${copyable("--expires never")}.`;

/** A fetch whose failure says which address could not be reached, and why. */
export async function reach(url: URL, init: RequestInit): Promise<Response> {
  try {
    return await fetch(url, init);
  } catch (error) {
    throw unreachable(url.origin, error);
  }
}

function authorization(credentials: Credentials): string {
  if ("token" in credentials) return `Bearer ${credentials.token}`;
  return basic(credentials);
}

interface Refusal {
  readonly detail?: string;
  readonly title?: string;
  readonly code?: string;
  /** A problem's fields, the OCI API's errors, or else whatever the registry adds. */
  readonly errors?: unknown;
}

interface Said {
  readonly sentence: string | undefined;
  readonly code: string | undefined;
  readonly faults: readonly Fault[];
}

/** Reads a refusal's body: a problem of the management API, or the errors of the OCI API. */
export function refusalIn(body: string): Said | undefined {
  try {
    const { detail, title, code, errors } = JSON.parse(body) as Refusal;
    const faults = Array.isArray(errors) ? (errors as Fault[]) : [];
    const [first] = faults as readonly { readonly code?: string }[];
    const reasons = faults.flatMap(({ field = "", message = "" }) => {
      if (message === "" || detail?.includes(message) === true) return [];
      return field === "" ? message : `${field}: ${message}`;
    });
    const said = [detail ?? [], reasons].flat();
    const sentence = said.length === 0 ? title : said.join("; ");
    return { sentence, code: code ?? first?.code, faults };
  } catch (error) {
    if (error instanceof SyntaxError) return undefined;
    throw error;
  }
}
