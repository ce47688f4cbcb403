/** What the reference page takes from an OpenAPI document. */
export interface ApiDocument {
  readonly paths: Readonly<Record<string, Readonly<Record<string, unknown>>>>;
}

interface Operation {
  readonly summary: string;
  readonly description: string;
  readonly tags: readonly [string];
  readonly parameters: readonly { readonly name: string; readonly in: string }[];
  readonly responses: Readonly<Record<string, { readonly description: string }>>;
}

const HEAD = `# The management API

Made from the OpenAPI 3.1 document that every registry serves at \`/api/v1/openapi.json\`, which has the schemas of bodies and answers
as well. All paths are below \`/api/v1\`.

Send a user and a password or token by Basic, or a token alone by Bearer ([access.md](access.md)). Pages of the registry's own origin
send [the cookie of a session](access.md#sessions). Bodies are JSON, \`application/json\`. Lists
come in pages: send the answer's \`next\` as \`after\` to get the next page; null means the last one. Send an \`ETag\` as \`If-Match\` to change
only that version; without it any version is changed. A refusal is a problem document (RFC 9457); its \`code\` is for programs.`;

/** Refusals that every endpoint may answer with; the page says them once. */
const COMMON = ["FIELD_INVALID", "TOO_MANY_REQUESTS", "UNAUTHORIZED", "UNAVAILABLE"];

/** Refusals of requests with a session's cookie, and of a sign-in; the page says them once, too. */
const OF_COOKIES = ["CROSS_ORIGIN", "SESSION_ENDED"];

/** Makes the reference page of the API, in Markdown. */
export function referencePage({ paths }: ApiDocument): string {
  const entries = Object.entries(paths).flatMap(([path, { parameters: _parameters, ...methods }]) =>
    Object.entries(methods as Readonly<Record<string, Operation>>).map(([method, operation]) => ({
      group: operation.tags[0],
      text: entryOf(`${method.toUpperCase()} ${path}`, operation),
    })),
  );
  const titles: Readonly<Record<string, string>> = { gc: "Garbage collection", fsck: "fsck" };
  const sections = [...Map.groupBy(entries, ({ group }) => group)].map(([group, some]) => {
    const title = titles[group] ?? group.charAt(0).toUpperCase() + group.slice(1);
    return [`## ${title}`, ...some.map(({ text }) => text)].join("\n\n");
  });
  const common = `Every endpoint may refuse with ${COMMON.map(code).join(", ")}; requests with a session's cookie, and a sign-in, also with ${OF_COOKIES.map(code).join(", ")}.`;
  return `${[HEAD, common, ...sections].join("\n\n")}\n`;
}

function entryOf(place: string, operation: Operation): string {
  const { summary, description, parameters, responses } = operation;
  const fields = parameters.filter(({ in: where }) => where === "query");
  const headers = parameters.filter(({ in: where }) => where === "header");
  const statuses = Object.entries(responses);
  const answers = statuses
    .filter(([status]) => status < "400")
    .map(([status, answer]) => `${status} (${lowered(answer.description)})`);
  const refusals = statuses
    .filter(([status]) => status >= "400" && status !== "default")
    .flatMap(([, answer]) => answer.description.split(", "))
    .filter((reason) => ![...COMMON, ...OF_COOKIES].includes(reason));
  const lists = [
    ["answers", answers],
    ["query:", fields.map(({ name }) => code(name))],
    ["headers:", headers.map(({ name }) => code(name))],
    ["refuses with", refusals.map(code)],
  ] as const;
  const lines = lists
    .filter(([, items]) => items.length > 0)
    .map(([verb, items]) => `- ${verb} ${items.join(", ")}`);
  return [`### ${code(place)}`, `${summary}. ${description}`, lines.join("\n")].join("\n\n");
}

function code(text: string): string {
  return `\`${text}\``;
}

function lowered(text: string): string {
  return text.charAt(0).toLowerCase() + text.slice(1);
}
