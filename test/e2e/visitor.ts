/** The operations that the account cases need of a client: log in, push and pull, as any account. */
import { mkdir, writeFile } from "node:fs/promises";
import { join } from "node:path";
import type { Account } from "./accounts.ts";
import type { Bench } from "./client.ts";
import type { Front } from "./front.ts";
import type { Issuer } from "./issuer.ts";
import type { Result } from "./shell.ts";

/** The suite of the account cases, and its results. */
export interface Gate {
  front: Front;
  issuer: Issuer;
  refusals: Refusal[];
  /** An exchanged credential, and when it ends: a client that runs earlier has to wait. */
  brief: { account: Account; ends: number };
}

/** A client's reaction to a refusal. */
export interface Refusal {
  client: string;
  what: string;
  seconds: number;
  requests: number;
  code: number;
  message: string;
}

/** v1 exists after the allowed pushes; v2 never exists. */
export type Tag = "v1" | "v2";

/** An account, or null for no login at all. */
export type Who = Account | null;

export interface Visitor {
  name: string;
  /** Undefined for a client that is given the account with each command. */
  login?: (account: Account) => Promise<Result>;
  /** False for one whose login only writes the password down. */
  checksLogin: boolean;
  /** Whether the client prints the registry's message; some print only the status of a refusal. */
  repeatsMessage: boolean;
  /** Whether it asks for the manifest by HEAD before it pushes: that refusal has no message. */
  asksByHead?: boolean;
  /** Every push is of another image. */
  isNew?: true;
  /** The names of the tags, where the client chooses them. */
  tags?: Record<Tag, string>;
  /** Pushes an image (or what the client has in its place) to the repository, and pulls it from there. */
  push: (who: Who, repository: string, tag: Tag) => Promise<Result>;
  pull: (who: Who, repository: string) => Promise<Result>;
  /** Returns the repository that a push with this name writes to: helm adds the chart's name. */
  place?: (repository: string) => string;
}

export type MakeVisitor = (bench: Bench) => Visitor;

export function labelOf(who: Who): string {
  return who?.label ?? "nobody";
}

/** A folder for this one's stored login, with the file in it that podman and its kin insist on. */
export async function homeOf(bench: Bench, who: Who): Promise<string> {
  const folder = join(bench.folder, "visits", labelOf(who));
  await mkdir(join(folder, "containers"), { recursive: true });
  const file = join(folder, "containers", "auth.json");
  await writeFile(file, "{}", { flag: "wx" }).catch(() => undefined);
  return folder;
}
