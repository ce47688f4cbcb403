import { copyable } from "./sentence.ts";

export interface Usage {
  /** A sentence about what was created. */
  readonly title: string;
  readonly kind: "secret" | "password";
  readonly host: string;
  readonly user: string;
}

/** A secret is printed once, to standard output, with how to use it. */
export function shownOnce(secret: string, { title, kind, host, user }: Usage): string {
  return `${title} This is the ${kind}; it is not shown again:

  ${secret}

To use it, give it to standard input of

  ${copyable(`docker login ${host} -u ${user} --password-stdin`)}`;
}
