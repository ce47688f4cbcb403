/** A client of the management API, for one registry and one set of credentials. */
import { CliError, type Fault } from "./error.ts";

export type Credentials =
  | { readonly user: string; readonly password: string }
  /** A secret says by itself whose it is. */
  | { readonly token: string };

export type Query = Readonly<Record<string, string | undefined>>;

/** Asks a user for the password. */
export type AskPassword = (user: string) => Promise<string>;

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
  #authorization: string | null;
  /** What asks for the password of a user whose token does not suffice; null where nobody can be asked, or was already. */
  #askPassword: AskPassword | null;

  constructor(
    registry: string,
    credentials: Credentials | null,
    askPassword: AskPassword | null = null,
  ) {
    this.registry = registry;
    this.#askPassword = askPassword;
    this.#authorization = credentials === null ? null : authorization(credentials);
  }

  /** As image names begin. */
  get host(): string {
    return new URL(this.registry).host;
  }

  async get<T>(path: string): Promise<T> {
    return this.#parse(await this.request("GET", BASE + path));
  }

  /** What is there, and the ETag to change it by. */
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
    let after: string | undefined;
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
    if (this.#authorization !== null) headers.set("authorization", this.#authorization);
    if (sending.ifMatch !== undefined) headers.set("if-match", sending.ifMatch);
    if (sending.body !== undefined) headers.set("content-type", "application/json");
    const body = sending.body === undefined ? null : JSON.stringify(sending.body);
    // A redirect would be followed by a GET, and possibly out of TLS.
    const response = await reach(url, { method, headers, body, redirect: "error" });
    if (response.ok) return response;
    const refusal = await this.#refusal(response);
    // Nothing that is only read outlasts anything.
    if (method === "GET" || !(await this.#givePassword(refusal))) throw refusal;
    return this.request(method, path, sending);
  }

  /** What a token makes must not outlast it, so for some requests the registry wants the password of whoever sends it. */
  async #givePassword({ faults }: CliError): Promise<boolean> {
    const ask = this.#askPassword;
    if (ask === null || !wantsPassword(faults)) return false;
    this.#askPassword = null;
    const { name, via } = await this.get<{ readonly name: string; readonly via: string }>("/me");
    if (via !== "token") return false;
    this.#authorization = authorization({ user: name, password: await ask(name) });
    return true;
  }

  /** Logging in anew would make a token that ends again. */
  #passwordAdvice(faults: readonly Fault[]): string {
    if (this.#askPassword !== null || !wantsPassword(faults)) return "";
    return "; in a script add -u USER --password-stdin to this command";
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
      return new CliError(`${registry} broke off: ${reasonOf(error)}`, { cause: error });
    }
    return new CliError(`${registry} answered no JSON: is it a Slipway registry?`, {
      cause: error,
    });
  }

  async #refusal(response: Response): Promise<CliError> {
    const { status } = response;
    if (status === 412) return new CliError("it was changed meanwhile: run this again", { status });
    const said = refusalIn(await response.text());
    const detail = said?.sentence ?? `${this.registry} answered ${status}`;
    const faults = said?.faults ?? [];
    const advice = this.#advice(response) + this.#passwordAdvice(faults);
    return new CliError(detail + advice, { status, faults });
  }

  /** What to do beyond what the registry says, which does not know this command line. */
  #advice({ status, headers }: Response): string {
    const wait = headers.get("retry-after");
    if (status === 429 && wait !== null) return ` (in ${wait} seconds)`;
    if (status !== 401) return "";
    const command = `slipway login ${this.host} -u USER`;
    return this.#authorization === null ? `: ${command}` : `; to log in anew: ${command}`;
  }
}

function wantsPassword(faults: readonly Fault[]): boolean {
  return faults.some(({ needs }) => needs === "password");
}

/** A fetch whose failure says which address could not be reached, and why. */
export async function reach(url: URL, init: RequestInit): Promise<Response> {
  try {
    return await fetch(url, init);
  } catch (error) {
    throw new CliError(`cannot reach ${url.origin}: ${reasonOf(error)}`, { cause: error });
  }
}

function authorization(credentials: Credentials): string {
  if ("token" in credentials) return `Bearer ${credentials.token}`;
  const { user, password } = credentials;
  return `Basic ${Buffer.from(`${user}:${password}`).toString("base64")}`;
}

/** fetch() wraps what happened, and a host with several addresses wraps it once more. */
function reasonOf(error: unknown): string {
  if (!(error instanceof Error)) return String(error);
  if (error.cause !== undefined) return reasonOf(error.cause);
  const { code } = error as NodeJS.ErrnoException;
  return error.message === "" ? (code ?? error.name) : error.message;
}

interface Refusal {
  readonly detail?: string;
  readonly title?: string;
  /** A problem's fields, the OCI API's errors, or else whatever the registry adds. */
  readonly errors?: unknown;
}

interface Said {
  readonly sentence: string | undefined;
  readonly faults: readonly Fault[];
}

/** What a refusal's body says: a problem of the management API, or the errors of the OCI API. */
function refusalIn(body: string): Said | undefined {
  try {
    const { detail, title, errors } = JSON.parse(body) as Refusal;
    const faults = Array.isArray(errors) ? (errors as Fault[]) : [];
    const reasons = faults.flatMap(({ field = "", message = "" }) => {
      if (message === "" || detail?.includes(message) === true) return [];
      return field === "" ? message : `${field}: ${message}`;
    });
    const said = [detail ?? [], reasons].flat();
    return { sentence: said.length === 0 ? title : said.join("; "), faults };
  } catch (error) {
    if (error instanceof SyntaxError) return undefined;
    throw error;
  }
}
