/** Images with planted packages, a stub of OSV that knows their vulnerabilities, and scans as the cron runs them. */
import { readFile } from "node:fs/promises";
import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import { join } from "node:path";
import { text as read } from "node:stream/consumers";
import type { Server } from "../../scripts/server.ts";
import { Control } from "../../scripts/start/control.ts";
import { OCI_INDEX } from "../../src/oci/media-type.ts";
import { file, tar } from "../scan/layer/archive.ts";
import {
  type Content,
  content,
  describe,
  imageManifest,
  type Manifest,
  manifest,
  text,
} from "../support/images.ts";
import type { Pusher } from "./images.ts";

/** What the stub knows: a vulnerability of all versions of a package before the one that fixes it. */
export interface Known {
  readonly id: string;
  readonly package: string;
  /** As OSV calls it; npm by default. */
  readonly ecosystem?: string;
  readonly severity: "LOW" | "MODERATE" | "HIGH" | "CRITICAL";
  readonly fixed?: string;
  readonly summary?: string;
}

export interface Osv {
  readonly url: string;
  close(): void;
}

const MODIFIED = "2026-01-01T00:00:00Z";

/** Starts a server on loopback that answers OSV's two routes (google.github.io/osv.dev/api) with what is known. */
export async function startOsv(known: readonly Known[]): Promise<Osv> {
  const server = createServer((request, response) => {
    void (async () => {
      const body = await read(request);
      const answer =
        request.url === "/v1/querybatch"
          ? { results: (JSON.parse(body) as Batch).queries.map((query) => found(known, query)) }
          : record(known, decodeURIComponent(request.url?.replace("/v1/vulns/", "") ?? ""));
      response.writeHead(answer === null ? 404 : 200, { "content-type": "application/json" });
      response.end(JSON.stringify(answer ?? { code: 5 }));
    })();
  });
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  return {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    close() {
      server.closeAllConnections();
      server.close();
    },
  };
}

interface Batch {
  readonly queries: readonly { readonly package: { readonly name: string } }[];
}

function found(known: readonly Known[], query: Batch["queries"][number]) {
  const some = known.filter((one) => one.package === query.package.name);
  return { vulns: some.map(({ id }) => ({ id, modified: MODIFIED })) };
}

function record(known: readonly Known[], id: string) {
  const some = known.filter((one) => one.id === id);
  const [first] = some;
  if (first === undefined) return null;
  return {
    id,
    modified: MODIFIED,
    summary: first.summary ?? "",
    database_specific: { severity: first.severity },
    affected: some.map((one) => ({
      package: { ecosystem: one.ecosystem ?? "npm", name: one.package },
      ranges: [
        {
          type: one.ecosystem === undefined ? "SEMVER" : "ECOSYSTEM",
          events: [{ introduced: "0" }, ...(one.fixed === undefined ? [] : [{ fixed: one.fixed }])],
        },
      ],
    })),
  };
}

/** A layer with packages of npm: name and version. */
export function npmLayer(packages: Readonly<Record<string, string>>): Content {
  return layerOf(
    Object.entries(packages).map(([name, version]) => [
      `app/node_modules/${name}/package.json`,
      JSON.stringify({ name, version }),
    ]),
  );
}

/** A layer with an Alpine and one package of apk. */
export function alpineLayer(name: string, version: string): Content {
  return layerOf([
    ["etc/os-release", "ID=alpine\nVERSION_ID=3.19.1\n"],
    ["lib/apk/db/installed", `P:${name}\nV:${version}\nA:x86_64\n`],
  ]);
}

function layerOf(files: readonly (readonly [path: string, text: string])[]): Content {
  return content(new Uint8Array(tar(...files.map(([path, body]) => file(path, body)))));
}

/** Pushes an image whose layers were made by these commands. */
export async function pushLayers(
  pusher: Pusher,
  layers: readonly (readonly [command: string, layer: Content])[],
  tag?: string,
): Promise<Manifest> {
  const history = layers.map(([command]) => ({ created_by: command }));
  const config = text(
    JSON.stringify({ architecture: "amd64", os: "linux", tag, n: Math.random(), history }),
  );
  await pusher.blob(config);
  for (const [, layer] of layers) await pusher.blob(layer);
  const made = imageManifest({ config, layers: layers.map(([, layer]) => layer) });
  return pusher.manifest(made, tag);
}

/** Pushes an index of images for these platforms. */
export async function pushIndex(
  pusher: Pusher,
  images: Readonly<Record<string, Manifest>>,
  tag: string,
): Promise<Manifest> {
  const manifests = Object.entries(images).map(([platform, image]) => {
    const [os = "", architecture = ""] = platform.split("/");
    return describe(image, image.mediaType, { platform: { os, architecture } });
  });
  return pusher.manifest(
    manifest(OCI_INDEX, { schemaVersion: 2, mediaType: OCI_INDEX, manifests }),
    tag,
  );
}

/** Runs all jobs as the cron does. */
export async function runJobs(server: Server): Promise<void> {
  const holder = await readFile(join(server.data, "server.json"), "utf8");
  const { sockets } = JSON.parse(holder) as { readonly sockets: string };
  await new Control(join(sockets, "control")).scheduled("*/5 * * * *");
}
