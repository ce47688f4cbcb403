/** The registries that a command talks to: one connection pool and one set of tokens for each, and what it found there. */
import { bearerAuthorize } from "../remote/authorize.ts";
import { registryCredentials, type RegistryCredentials } from "../remote/credentials.ts";
import { Upstream } from "../remote/upstream.ts";
import { BlobPlaces } from "./blob-places.ts";
import { Repository } from "./repository.ts";

export class Connections {
  readonly places = new BlobPlaces();
  readonly #given: ReadonlyMap<string, RegistryCredentials>;
  readonly #upstreams = new Map<string, Promise<Upstream>>();

  /** @param given credentials by the registry's origin, which replace those that this machine holds */
  constructor(given: ReadonlyMap<string, RegistryCredentials> = new Map()) {
    this.#given = given;
  }

  upstream(registry: string): Promise<Upstream> {
    const known = this.#upstreams.get(registry);
    if (known !== undefined) return known;
    const made = this.#connect(registry);
    this.#upstreams.set(registry, made);
    return made;
  }

  /** @param actions what its tokens allow */
  async repository(
    { registry, repository }: { readonly registry: string; readonly repository: string },
    actions: "pull" | "pull,push",
  ): Promise<Repository> {
    return new Repository(await this.upstream(registry), repository, actions);
  }

  async close(): Promise<void> {
    const made = await Promise.allSettled(this.#upstreams.values());
    for (const one of made) if (one.status === "fulfilled") one.value.close();
  }

  async #connect(registry: string): Promise<Upstream> {
    const credentials = this.#given.get(registry) ?? (await registryCredentials(registry));
    return new Upstream(registry, bearerAuthorize(registry, credentials));
  }
}
