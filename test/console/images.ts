/** What the console's tests push: images as builders make them, with attestations, signatures and hostile texts. */
import { setTimeout as sleep } from "node:timers/promises";
import { expect } from "vitest";
import { retryAfterMs } from "../../src/cli/remote/retry-after.ts";
import { OCI_INDEX, OCI_MANIFEST } from "../../src/oci/media-type.ts";
import type { Server } from "../../scripts/server.ts";
import { blob, type Content, describe, imageManifest, manifest, text } from "../support/images.ts";
import type { Manifest } from "../support/images.ts";
import { PushClient, type Reply } from "../support/push-client.ts";

/** It would open a dialog if any page took it for more than text. */
export const ATTACK = `<img src=x onerror="alert(1)"><script>alert(2)</script>`;

/** How often one request waits: several wait at once, and all of them go on in the same minute. */
const MAX_WAITS = 5;

export class Pusher {
  readonly #client: PushClient;

  constructor(server: Server, repository: string) {
    const authorization = `Basic ${btoa(`admin:${server.password}`)}`;
    this.#client = new PushClient(server.url, repository, authorization);
  }

  async blob(content: Content): Promise<Content> {
    const reply = await inPace(() => this.#client.pushBlob(content, "POST"));
    expect(reply.status, reply.body.toString()).toBe(201);
    return content;
  }

  async manifest(pushed: Manifest, reference: string = pushed.digest): Promise<Manifest> {
    const reply = await inPace(() => this.#client.pushManifest(pushed, reference));
    expect(reply.status, reply.body.toString()).toBe(201);
    return pushed;
  }

  async pull(reference: string): Promise<void> {
    expect((await this.#client.request("GET", `manifests/${reference}`)).status).toBe(200);
  }

  /** An image of two layers, whose config is as docker writes it. */
  async image(architecture: string, reference?: string, fields: object = {}): Promise<Manifest> {
    const config = {
      architecture,
      os: "linux",
      created: "2026-03-01T10:00:00Z",
      config: {
        Env: ["PATH=/usr/local/bin:/usr/bin", `HOSTILE=${ATTACK}`],
        Entrypoint: ["/bin/app", "--listen", "0.0.0.0:80"],
        Cmd: ["serve everything"],
        ExposedPorts: { "80/tcp": {} },
        WorkingDir: "/srv",
        User: "nobody",
        Labels: { "org.opencontainers.image.licenses": "Apache-2.0", hostile: ATTACK },
      },
      history: [
        { created: "2026-02-01T10:00:00Z", created_by: "/bin/sh -c #(nop) ADD file:0123 in / " },
        { created: "2026-03-01T10:00:00Z", created_by: 'ENV MODE="fast"', empty_layer: true },
        {
          created: "no time at all",
          created_by: `/bin/sh -c echo '${ATTACK}' && apk add --no-cache a-package another-package`,
          comment: "buildkit.dockerfile.v0",
        },
      ],
    };
    const layers = [await this.blob(blob(40_000)), await this.blob(blob(2_000))];
    const made = imageManifest({ config: await this.blob(json(config)), layers, fields });
    return this.manifest(made, reference);
  }

  /** An attestation of BuildKit's for one child of an index. */
  async attestation(): Promise<Manifest> {
    const layers = await Promise.all(
      ["https://spdx.dev/Document", "https://slsa.dev/provenance/v0.2"].map(async (type) =>
        describe(await this.blob(json({ _type: type })), "application/vnd.in-toto+json", {
          annotations: { "in-toto.io/predicate-type": type },
        }),
      ),
    );
    const config = await this.blob(json({ architecture: "unknown", os: "unknown", config: {} }));
    return this.manifest(imageManifest({ config, fields: { layers } }));
  }

  /** An index of two platforms, each with an attestation, as `docker buildx build --sbom --provenance` pushes. */
  async multiPlatform(tag: string): Promise<Manifest> {
    const images = [await this.image("amd64"), await this.image("arm64")];
    const children = [];
    for (const [at, image] of images.entries()) {
      const platform = { os: "linux", architecture: at === 0 ? "amd64" : "arm64" };
      children.push(describe(image, image.mediaType, { platform }));
    }
    for (const image of images) {
      const attestation = await this.attestation();
      children.push(
        describe(attestation, attestation.mediaType, {
          platform: { os: "unknown", architecture: "unknown" },
          annotations: {
            "vnd.docker.reference.type": "attestation-manifest",
            "vnd.docker.reference.digest": image.digest,
          },
        }),
      );
    }
    const body = { schemaVersion: 2, mediaType: OCI_INDEX, manifests: children };
    return this.manifest(manifest(OCI_INDEX, { ...body, annotations: { hostile: ATTACK } }), tag);
  }

  /** An index of images that differ in their architecture alone. */
  async index(images: readonly Manifest[], tag: string): Promise<Manifest> {
    const manifests = images.map((image, at) =>
      describe(image, image.mediaType, { platform: { os: "linux", architecture: `arch${at}` } }),
    );
    return this.manifest(
      manifest(OCI_INDEX, { schemaVersion: 2, mediaType: OCI_INDEX, manifests }),
      tag,
    );
  }

  /** A signature of cosign's, by its tag. */
  async signature(of: Manifest): Promise<Manifest> {
    const payload = await this.blob(json({ critical: of.digest }));
    const layers = [
      describe(payload, "application/vnd.dev.cosign.simplesigning.v1+json", {
        annotations: { "dev.cosignproject.cosign/signature": "MEUCIQ==" },
      }),
    ];
    const config = await this.blob(json({ architecture: "", os: "", config: {} }));
    const made = imageManifest({ config, fields: { layers } });
    return this.manifest(made, `${of.digest.replace(":", "-")}.sig`);
  }

  /** An artifact that refers to a manifest. */
  async referrer(of: Manifest, artifactType: string, annotations: object): Promise<Manifest> {
    const config = await this.blob(text("{}"));
    return this.manifest(
      manifest(OCI_MANIFEST, {
        schemaVersion: 2,
        mediaType: OCI_MANIFEST,
        artifactType,
        config: describe(config, "application/vnd.oci.empty.v1+json"),
        layers: [describe(await this.blob(json({ of: of.digest })), artifactType)],
        subject: describe(of, of.mediaType),
        annotations,
      }),
    );
  }

  async chart(version: string): Promise<Manifest> {
    const config = await this.blob(json({ name: "chart", version, apiVersion: "v2" }));
    const layer = await this.blob(blob(500));
    return this.manifest(
      manifest(OCI_MANIFEST, {
        schemaVersion: 2,
        mediaType: OCI_MANIFEST,
        config: describe(config, "application/vnd.cncf.helm.config.v1+json"),
        layers: [describe(layer, "application/vnd.cncf.helm.chart.content.v1.tar+gzip")],
        annotations: { "org.opencontainers.image.title": "chart" },
      }),
      version,
    );
  }
}

/** Sends what the registry's limit of pushes refuses again, once the time that it names is over. */
async function inPace(send: () => Promise<Reply>): Promise<Reply> {
  for (let waits = 0; ; waits++) {
    const reply = await send();
    const waitMs = retryAfterMs(reply.headers["retry-after"]);
    if (reply.status !== 429 || waitMs === null || waits === MAX_WAITS) return reply;
    await sleep(waitMs);
  }
}

function json(value: unknown): Content {
  return text(JSON.stringify(value));
}
