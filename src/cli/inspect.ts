/** `slipway inspect`: the content of an image, an index or an artifact, read over the OCI API as clients read it. */
import type { Command } from "commander";
import { DOCKER_LIST, DOCKER_MANIFEST, OCI_INDEX, OCI_MANIFEST } from "../oci/media-type.ts";
import type { Api } from "./api.ts";
import { connect } from "./connection.ts";
import { wholeDigest } from "./digest-prefix.ts";
import { kindOf } from "./kind.ts";
import { readManifest, summaryOf } from "./manifest.ts";
import { bytes, type Columns, digestColumn, Output, timeUtc } from "./output.ts";
import type { Shown } from "./table.ts";
import { parseTarget, type Target } from "./thing.ts";

interface Descriptor {
  readonly mediaType: string;
  readonly digest: string;
  readonly size: number;
  readonly artifactType?: string;
  readonly annotations?: Readonly<Record<string, string>>;
  readonly platform?: {
    readonly os?: string;
    readonly architecture?: string;
    readonly variant?: string;
  };
}

/** The parts of a manifest that are shown; a registry takes manifests with any of them missing. */
interface Body {
  readonly config?: Descriptor;
  readonly layers?: readonly Descriptor[];
  readonly manifests?: readonly Descriptor[];
  readonly annotations?: Readonly<Record<string, string>>;
}

/** The parts of an image's config that are shown (image-spec config.md). */
interface Config {
  readonly created?: string;
  readonly author?: string;
  readonly config?: {
    readonly User?: string;
    readonly Entrypoint?: readonly string[];
    readonly Cmd?: readonly string[];
    readonly Labels?: Readonly<Record<string, string>> | null;
  };
}

const ACCEPT = [OCI_MANIFEST, OCI_INDEX, DOCKER_MANIFEST, DOCKER_LIST, "*/*"].join(", ");
const IMAGE_CONFIG =
  /^application\/vnd\.(?:oci\.image\.config\.v1|docker\.container\.image\.v1)\+json$/;
/** A config is some kilobytes; whatever is much larger is none. */
const MAX_CONFIG_BYTES = 4 * 1024 ** 2;
/** The annotation by which BuildKit marks an attestation among an index's manifests. */
const BUILDKIT_TYPE = "vnd.docker.reference.type";

const LAYERS: Columns<Descriptor> = {
  LAYER: digestColumn(({ digest }) => digest),
  SIZE: ({ size }) => bytes(size),
  "MEDIA TYPE": ({ mediaType }) => mediaType,
};

const CHILDREN: Columns<Descriptor> = {
  PLATFORM: ({ platform = {} }) =>
    [platform.os, platform.architecture, platform.variant].filter(Boolean).join("/"),
  TYPE: kindOfDescriptor,
  MANIFEST: digestColumn(({ digest }) => digest),
};

const REFERRERS: Columns<Descriptor> = {
  "ATTACHED TYPE": kindOfDescriptor,
  MANIFEST: digestColumn(({ digest }) => digest),
  "MEDIA TYPE": ({ artifactType, mediaType }) => artifactType ?? mediaType,
};

export function addInspectCommand(program: Command): void {
  program
    .command("inspect")
    .description("Show what an image consists of: platforms, layers, labels, signatures.")
    .argument("<image>", "such as acme/app:v1 or acme/app@sha256:1a2b3c4d5e6f", parseTarget)
    .addHelpText("after", "\nWithout a tag it is latest. It counts as a pull of the image.")
    .action(inspectImage);
}

async function inspectImage(target: Target, _options: object, command: Command): Promise<void> {
  const api = await connect(command);
  const { repository } = target;
  const reference =
    target.digest === undefined
      ? (target.tag ?? "latest")
      : await wholeDigest(api, repository, target.digest);
  const response = await api.request("GET", `/v2/${repository}/manifests/${reference}`, {
    accept: ACCEPT,
  });
  const digest = response.headers.get("docker-content-digest") ?? "";
  const body = (await response.json()) as Body;
  const [manifest, config, referrers] = await Promise.all([
    readManifest(api, repository, digest),
    readConfig(api, repository, body.config),
    readReferrers(api, repository, digest),
  ]);
  const output = new Output(command);
  output.answer(
    { repository, reference, ...manifest, manifest: body, config, referrers },
    output.details({
      image: repository + (target.digest === undefined ? `:${reference}` : `@${digest}`),
      ...summaryOf(manifest),
      ...configDetails(config),
    }),
    ...labels("labels", config?.config?.Labels ?? {}, output),
    ...labels("annotations", body.annotations ?? {}, output),
    ...section(body.manifests, CHILDREN, output),
    ...section(body.layers, LAYERS, output),
    ...section(referrers, REFERRERS, output),
  );
}

function configDetails(config: Config | null): Record<string, string> {
  if (config === null) return {};
  const { created = "", author = "", config: { User = "", Entrypoint, Cmd } = {} } = config;
  return {
    created: created === "" ? "" : timeUtc(created),
    author,
    user: User,
    entrypoint: (Entrypoint ?? []).join(" "),
    command: (Cmd ?? []).join(" "),
  };
}

function labels(
  title: string,
  values: Readonly<Record<string, string>>,
  output: Output,
): (string | Shown)[] {
  const entries = Object.entries(values).map(([key, value]) => [`  ${key}`, value]);
  if (entries.length === 0) return [];
  const { text } = output.details(Object.fromEntries(entries) as Record<string, string>);
  return [output.titled(title, text)];
}

function section(
  found: readonly Descriptor[] | undefined,
  columns: Columns<Descriptor>,
  output: Output,
): Shown[] {
  return found === undefined || found.length === 0 ? [] : [output.table(found, columns)];
}

async function readConfig(
  api: Api,
  repository: string,
  config: Descriptor | undefined,
): Promise<Config | null> {
  if (config === undefined || !IMAGE_CONFIG.test(config.mediaType)) return null;
  if (config.size > MAX_CONFIG_BYTES) return null;
  const response = await api.request("GET", `/v2/${repository}/blobs/${config.digest}`, {
    accept: "*/*",
  });
  return (await response.json()) as Config;
}

/** All pages: what is attached to a manifest, such as signatures (distribution-spec, "Listing Referrers"). */
async function readReferrers(api: Api, repository: string, digest: string): Promise<Descriptor[]> {
  const found: Descriptor[] = [];
  let path: string | undefined = `/v2/${repository}/referrers/${digest}`;
  while (path !== undefined) {
    const response: Response = await api.request("GET", path);
    const { manifests = [] } = (await response.json()) as Body;
    found.push(...manifests);
    path = /<([^>]+)>; rel="next"/.exec(response.headers.get("link") ?? "")?.[1];
  }
  return found;
}

function kindOfDescriptor({ mediaType, artifactType, annotations = {} }: Descriptor): string {
  if (annotations[BUILDKIT_TYPE] === "attestation-manifest") return "attestation";
  return kindOf({ mediaType, artifactType: artifactType ?? null });
}
