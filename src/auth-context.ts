import type { AuthContext } from "./auth/context.ts";
import type { LongestLives } from "./auth/login/lifetime.ts";
import type { Attempts, Identities } from "./auth/identity-store.ts";
import type { Signing } from "./auth/login/jwt.ts";
import type { Defer } from "./defer.ts";
import type { Env, Settings } from "./settings.ts";
import { unnamed } from "./http/target.ts";
import { identitiesOf } from "./isolate.ts";
import { LoginAttemptStore } from "./db/login-attempts.ts";

/** One request and the environment that it runs in. */
export interface Run {
  readonly request: Request;
  readonly url: URL;
  /** Whether the URL has the name by which the client knows this registry. */
  readonly isNamed: boolean;
  readonly env: Env;
  readonly requestId: string;
  readonly defer: Defer;
}

/** What authentication knows of this deployment and request: most pulls need little of it, so it is made when it is asked for. */
export class RequestAuthContext implements AuthContext {
  readonly #run: Run;
  readonly #settings: Settings;

  constructor(run: Run, settings: Settings) {
    this.#run = run;
    this.#settings = settings;
  }

  get url(): string {
    return `${this.#named.origin}/token`;
  }

  get signing(): Signing {
    const { tokenKey: key, nextTokenKey: nextKey } = this.#settings;
    return { key, nextKey, service: this.#named.host };
  }

  get #named(): URL {
    if (!this.#run.isNamed) throw unnamed();
    return this.#run.url;
  }

  get tokenSeconds(): number {
    return this.#settings.tokenSeconds;
  }

  get graceSeconds(): number {
    return this.#settings.uploadTtl / 1000;
  }

  get longestLives(): LongestLives {
    return this.#settings.longestLives;
  }

  get adminPassword(): string {
    return this.#settings.adminPassword;
  }

  get publicPull(): boolean {
    return this.#settings.publicPull;
  }

  get insecureIssuers(): boolean {
    return this.#settings.insecureIssuers;
  }

  get identities(): Identities {
    return identitiesOf(this.#run.env);
  }

  get attempts(): Attempts {
    return new LoginAttemptStore(this.#run.env.DB);
  }

  get address(): string {
    return addressOf(this.#run.request);
  }

  get defer(): Defer {
    return this.#run.defer;
  }

  async rateLimit(kind: "password" | "stranger" | "token", key: string): Promise<boolean> {
    const { PASSWORD_LIMIT, STRANGER_LIMIT, TOKEN_LIMIT } = this.#run.env;
    const limits = { password: PASSWORD_LIMIT, stranger: STRANGER_LIMIT, token: TOKEN_LIMIT };
    return (await limits[kind].limit({ key })).success;
  }
}

/**
 * Returns the client's address. On Cloudflare it is in a header that clients cannot set. On a developer's machine
 * workerd knows the peer, and only a proxy on that same machine may give another address in the header.
 */
export function addressOf({ headers, cf }: Request): string {
  const { clientIp } = (cf ?? {}) as { readonly clientIp?: string };
  const peer = clientIp?.replace(/:\d+$/, "").replaceAll(/[[\]]/g, "");
  if (peer !== undefined && !LOOPBACK.test(peer)) return peer;
  return headers.get("cf-connecting-ip") ?? peer ?? "local";
}

/** Loopback addresses, as workerd spells them. */
const LOOPBACK = /^(127\.|::1$|::ffff:127\.)/;
