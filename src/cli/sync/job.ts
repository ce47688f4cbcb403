/** What a sync file asks for, whichever tool it was written for. */
import type { RegistryCredentials } from "../remote/credentials.ts";

export interface Place {
  /** The registry's origin. */
  readonly registry: string;
  readonly repository: string;
}

/** Which tags of a repository are copied: those named, or those of its list that the rule takes. */
export type Tags =
  | { readonly kind: "named"; readonly references: readonly string[] }
  | { readonly kind: "matching"; readonly takes: (tag: string) => boolean };

export interface Job {
  readonly source: Place;
  readonly target: Place;
  readonly tags: Tags;
  /** The tag at the target where it is another; null for the source's. */
  readonly targetTag: string | null;
  readonly platforms: readonly string[];
  readonly referrers: boolean;
}

/** All repositories of a registry that a rule takes; each is a job. */
export interface RegistryJob extends Omit<Job, "source" | "target"> {
  readonly registry: string;
  readonly takesRepository: (name: string) => boolean;
  readonly targetOf: (repository: string) => Place;
}

export interface SyncFile {
  readonly jobs: readonly (Job | RegistryJob)[];
  /** By the registry's origin. */
  readonly credentials: ReadonlyMap<string, RegistryCredentials>;
  /** What the file asks for that has no effect here. */
  readonly warnings: readonly string[];
}
