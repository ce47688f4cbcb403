/** What people read of an image's config (image-spec config.md, and Docker's, which is nearly the same). */

/** The media types of an image's config: OCI's, and Docker's. */
export const IMAGE_CONFIG =
  /^application\/vnd\.(?:oci\.image\.config\.v1|docker\.container\.image\.v1)\+json$/;
/** The largest config that is read, in bytes. Most have a few kilobytes; a long history makes one larger. */
export const MAX_CONFIG_BYTES = 64 * 1024;

export interface ImageConfig {
  readonly os: string | null;
  readonly architecture: string | null;
  readonly variant: string | null;
  readonly createdAt: string | null;
  readonly author: string | null;
  readonly entrypoint: readonly string[];
  readonly cmd: readonly string[];
  readonly env: readonly string[];
  readonly workingDir: string | null;
  readonly user: string | null;
  readonly ports: readonly string[];
  readonly volumes: readonly string[];
  readonly labels: Readonly<Record<string, string>>;
  readonly stopSignal: string | null;
}

/** A step that made an image. */
export interface Step {
  readonly command: string | null;
  readonly createdAt: string | null;
  readonly comment: string | null;
  /** Whether it made a layer. */
  readonly hasLayer: boolean;
}

type Fields = Readonly<Record<string, unknown>>;

/**
 * Parses a config. A field of another type than the spec's counts as missing: clients can push anything.
 * @returns null for what is no JSON object
 */
export function parseImageConfig(
  text: string,
): { readonly image: ImageConfig; readonly steps: readonly Step[] } | null {
  const json = parseObject(text);
  if (json === null) return null;
  const run = fieldsIn(json["config"]);
  const image = {
    os: textIn(json["os"]),
    architecture: textIn(json["architecture"]),
    variant: textIn(json["variant"]),
    createdAt: textIn(json["created"]),
    author: textIn(json["author"]),
    entrypoint: textsIn(run["Entrypoint"]),
    cmd: textsIn(run["Cmd"]),
    env: textsIn(run["Env"]),
    workingDir: textIn(run["WorkingDir"]),
    user: textIn(run["User"]),
    ports: Object.keys(fieldsIn(run["ExposedPorts"])),
    volumes: Object.keys(fieldsIn(run["Volumes"])),
    labels: stringMap(run["Labels"]),
    stopSignal: textIn(run["StopSignal"]),
  };
  const history: unknown = json["history"];
  const steps = (Array.isArray(history) ? history : []).map((entry: unknown) => {
    const step = fieldsIn(entry);
    return {
      command: textIn(step["created_by"]),
      createdAt: textIn(step["created"]),
      comment: textIn(step["comment"]),
      hasLayer: step["empty_layer"] !== true,
    };
  });
  return { image, steps };
}

/** Returns the entries of a map that are texts. */
export function stringMap(value: unknown): Record<string, string> {
  return Object.fromEntries(
    Object.entries(fieldsIn(value)).filter(
      (entry): entry is [string, string] => typeof entry[1] === "string",
    ),
  );
}

function parseObject(text: string): Fields | null {
  try {
    const json: unknown = JSON.parse(text);
    return typeof json === "object" && json !== null && !Array.isArray(json)
      ? (json as Fields)
      : null;
  } catch (error) {
    if (error instanceof SyntaxError) return null;
    throw error;
  }
}

function fieldsIn(value: unknown): Fields {
  return typeof value === "object" && value !== null && !Array.isArray(value)
    ? (value as Fields)
    : {};
}

function textIn(value: unknown): string | null {
  return typeof value === "string" && value !== "" ? value : null;
}

function textsIn(value: unknown): string[] {
  return Array.isArray(value) ? value.filter((one) => typeof one === "string") : [];
}
