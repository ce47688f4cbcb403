/** Messages for 404: the registry says the same of many things, but the path says which thing is missing. */
import { copyable } from "./sentence.ts";

interface Missing {
  readonly message: string;
  readonly hint: string;
}

/** Sentences of the registry that name nothing. */
const NAMELESS = new Set([
  "there is nothing of that name",
  "repository unknown",
  "manifest unknown",
  // The answer to a HEAD request has no body.
  "",
]);

/** Path → what is missing there; the first that matches. */
const THINGS: readonly (readonly [RegExp, (...parts: string[]) => Missing])[] = [
  [
    /^\/v2\/(.+)\/manifests\/(sha\d+:.+)$/,
    (repository, digest) => ({
      message: `there is no manifest ${repository}@${digest}`,
      hint: `${copyable(`slipway manifest list ${repository}`)} lists those that are there`,
    }),
  ],
  [
    /^\/v2\/(.+)\/manifests\/(.+)$/,
    (repository, tag) => ({
      message: `there is no tag ${repository}:${tag}`,
      hint: `${copyable(`slipway tag list ${repository}`)} lists those that are there`,
    }),
  ],
  [
    /^\/api\/v1\/repositories\/(.+)\/-\/manifests\/([^/]+)(?:\/.*)?$/,
    (repository, digest) => ({
      message: `there is no manifest ${repository}@${digest}`,
      hint: `${copyable(`slipway manifest list ${repository}`)} lists those that are there`,
    }),
  ],
  [
    /^\/api\/v1\/repositories\/(.+)\/-\/(?:restore|purge)$/,
    (repository) => ({
      message: `there is no such thing in the trash of ${repository}`,
      hint: `${copyable(`slipway trash list ${repository}`)} lists what is`,
    }),
  ],
  [
    /^\/api\/v1\/events\/dead\/([^/]+)/,
    (id) => ({
      message: `there is no dead event ${id}`,
      hint: "slipway events dead lists those that there are",
    }),
  ],
  [
    /^\/api\/v1\/repositories\/(.+?)(?:\/-\/.*)?$/,
    (repository) => ({
      message: `there is no repository ${repository}, or you may not see it`,
      hint: `${copyable("slipway repo list")} lists those that you can pull from`,
    }),
  ],
  [
    /^\/api\/v1\/namespaces\/([^/]+)\/robots\/([^/]+)\/tokens\/(.+)$/,
    (namespace, robot, secret) => ({
      message: `the robot ${namespace}+${robot} has no secret ${secret}`,
      hint: `${copyable(`slipway robot list ${namespace}`)} lists the robots with their secrets`,
    }),
  ],
  [
    /^\/api\/v1\/namespaces\/([^/]+)\/robots\/([^/]+)(?:\/.*)?$/,
    (namespace, robot) => ({
      message: `there is no robot ${namespace}+${robot}`,
      hint: `${copyable(`slipway robot list ${namespace}`)} lists those that are there`,
    }),
  ],
  [
    /^\/api\/v1\/namespaces\/([^/]+)\/trust-rules\/(.+)$/,
    (namespace, rule) => ({
      message: `there is no trust rule ${namespace}+${rule}`,
      hint: `${copyable(`slipway trust list ${namespace}`)} lists those that are there`,
    }),
  ],
  [
    /^\/api\/v1\/namespaces\/([^/]+)\/members\/(.+)$/,
    (namespace, user) => ({
      message: `${user} has no such role in ${namespace}`,
      hint: `${copyable(`slipway member list ${namespace}`)} lists who has one`,
    }),
  ],
  [
    /^\/api\/v1\/namespaces\/([^/]+)(?:\/.*)?$/,
    (namespace) => ({
      message: `there is no namespace ${namespace}`,
      hint: `${copyable("slipway namespace list")} lists those that you have a part in`,
    }),
  ],
  [
    /^\/api\/v1\/users\/(.+)$/,
    (user) => ({
      message: `there is no user ${user}`,
      hint: `${copyable("slipway user list")} lists all users`,
    }),
  ],
  [
    /^\/api\/v1\/tokens\/(.+)$/,
    (token) => ({
      message: `you have no token ${token}`,
      hint: `${copyable("slipway token list")} lists those that you have`,
    }),
  ],
];

/** @returns null where the registry has said itself what is missing, or the path names nothing */
export function missingAt(path: string, said: string): Missing | null {
  if (!NAMELESS.has(said)) return null;
  for (const [pattern, say] of THINGS) {
    const match = pattern.exec(path);
    if (match !== null) return say(...match.slice(1).map(decodeURIComponent));
  }
  return null;
}
