/** Requests that push, read and delete manifests and tags. */
import { env } from "cloudflare:workers";
import { expect } from "vitest";
import type { RegistryClient } from "../../support/client.ts";
import {
  blob,
  type Content,
  digestOf,
  imageManifest,
  index,
  type Manifest,
} from "../../support/images.ts";
import type { Attempt, Scenario } from "./run.ts";

const PUT = "PUT /v2/:name+/manifests/:target";
const GET = "GET /v2/:name+/manifests/:reference";
const DELETE = "DELETE /v2/:name+/manifests/:reference";

/** A manifest whose text is too big for its row and goes to R2. */
const BIG = { annotations: { pad: "x".repeat(300_000) } };

interface Pushing {
  readonly manifest: Manifest;
  readonly reference?: string;
  /** The blobs that it names, pushed before it. */
  readonly blobs?: readonly Content[];
  readonly children?: readonly Manifest[];
  readonly refused?: number;
}

function pushing(
  name: string,
  prepare: (client: RegistryClient) => Promise<Pushing>,
  more: Partial<Attempt> = {},
): Scenario {
  return {
    name,
    route: PUT,
    prepare: async (client) => {
      const { manifest, reference = "latest", blobs = [], children = [] } = await prepare(client);
      const contents = async (pusher: RegistryClient) => {
        for (const content of blobs) await pusher.pushBlob(content);
        for (const child of children) await pusher.pushManifest(child);
      };
      await contents(client);
      const send = (sender: RegistryClient) => sender.putManifest(reference, manifest);
      return {
        send,
        expects: [201],
        // Without a manifest that names them, they are deleted.
        collected: [400],
        restart: async (sender) => {
          await contents(sender);
          return send(sender);
        },
        verify: async (sender) => {
          const names = new Set([reference.split("?")[0] ?? "", manifest.digest]);
          for (const tag of new URLSearchParams(reference.split("?")[1]).getAll("tag"))
            names.add(tag);
          for (const one of names) {
            expect(digestOf(await sender.pullManifest(one))).toBe(manifest.digest);
          }
        },
        actions: ["manifest.push"],
        ...more,
      };
    },
  };
}

/** An image under `latest`, and an index that names another. */
async function image(client: RegistryClient): Promise<Manifest> {
  const config = await client.pushBlob(blob());
  return client.pushManifest(imageManifest({ config }), "latest");
}

async function history(client: RegistryClient): Promise<string[]> {
  const { results } = await env.DB.prepare(
    `SELECT tag FROM tag_history h JOIN repositories r ON r.id = h.repository_id WHERE r.name = ?1`,
  )
    .bind(client.repository)
    .all<{ tag: string }>();
  return results.map(({ tag }) => tag);
}

function reading(
  name: string,
  send: (client: RegistryClient, manifest: Manifest) => Promise<Response>,
  route = GET,
  prepare = image,
): Scenario {
  return {
    name,
    route,
    reads: true,
    prepare: async (client) => {
      const manifest = await prepare(client);
      return { send: (sender) => send(sender, manifest), expects: [200] };
    },
  };
}

async function bigImage(client: RegistryClient): Promise<Manifest> {
  const config = await client.pushBlob(blob());
  return client.pushManifest(imageManifest({ config, fields: BIG }), "latest");
}

export const MANIFESTS: readonly Scenario[] = [
  pushing("an image, by tag", () => {
    const blobs = [blob(), blob()] as const;
    const manifest = imageManifest({ config: blobs[0], layers: [blobs[1]] });
    return Promise.resolve({ manifest, blobs });
  }),
  pushing("an image, by digest", () => {
    const config = blob();
    const manifest = imageManifest({ config });
    return Promise.resolve({ manifest, reference: manifest.digest, blobs: [config] });
  }),
  pushing("under several tags", () => {
    const config = blob();
    const manifest = imageManifest({ config });
    return Promise.resolve({
      manifest,
      reference: `${manifest.digest}?tag=a&tag=b`,
      blobs: [config],
    });
  }),
  {
    name: "another image under the tag",
    route: PUT,
    prepare: async (client) => {
      await image(client);
      const config = await client.pushBlob(blob());
      const manifest = imageManifest({ config });
      const send = (sender: RegistryClient) => sender.putManifest("latest", manifest);
      return {
        send,
        expects: [201],
        collected: [400],
        restart: async (sender) => {
          await sender.pushBlob(config);
          return send(sender);
        },
        // The tag was moved once, however often the request was sent.
        verify: async (sender) => expect(await history(sender)).toEqual(["latest"]),
        actions: ["manifest.push"],
      };
    },
  },
  pushing("an image that is there", async (client) => ({ manifest: await image(client) }), {
    noted: true,
  }),
  pushing("an image that was deleted", async (client) => {
    const manifest = await image(client);
    expect((await client.request("DELETE", `manifests/${manifest.digest}`)).status).toBe(202);
    return { manifest };
  }),
  pushing(
    "an image whose layers are elsewhere",
    async (client) => {
      const source = client.in(`${client.repository}/source`);
      const config = await source.pushBlob(blob());
      await source.pushManifest(imageManifest({ config }), "latest");
      return { manifest: imageManifest({ config }) };
    },
    { actions: ["manifest.push", "repository.create"] },
  ),
  pushing("an index", () => {
    const config = blob();
    const children = [imageManifest({ config })];
    return Promise.resolve({ manifest: index(children), blobs: [config], children });
  }),
  pushing("a signature", async (client) => {
    const { digest, mediaType, bytes } = await image(client);
    const config = blob();
    const subject = { digest, mediaType, size: bytes.length };
    const manifest = imageManifest({ config, fields: { subject } });
    return { manifest, reference: manifest.digest, blobs: [config] };
  }),
  pushing("an image too big for its row", () => {
    const config = blob();
    return Promise.resolve({ manifest: imageManifest({ config, fields: BIG }), blobs: [config] });
  }),
  pushing(
    "an image too big for its row that is there",
    async (client) => ({ manifest: await bigImage(client) }),
    {
      noted: true,
    },
  ),
  {
    name: "another image under an immutable tag",
    route: PUT,
    prepare: async (client) => {
      const first = await image(client);
      await env.DB.prepare(
        `UPDATE repositories SET immutable_tags = '[{"tags":"*","except":[]}]' WHERE name = ?1`,
      )
        .bind(client.repository)
        .run();
      const manifest = imageManifest({ config: await client.pushBlob(blob()) });
      return {
        send: (sender) => sender.putManifest("latest", manifest),
        expects: [409],
        collected: [400],
        verify: async (sender) =>
          expect(digestOf(await sender.pullManifest("latest"))).toBe(first.digest),
      };
    },
  },
  reading("by tag", (client) => client.get("manifests/latest")),
  reading("by digest", (client, { digest }) => client.get(`manifests/${digest}`)),
  reading("HEAD by tag", (client) => client.head("manifests/latest")),
  reading("one that lies in R2", (client) => client.get("manifests/latest"), GET, bigImage),
  reading("those of a repository", (client) => client.get("tags/list"), "GET /v2/:name+/tags/list"),
  reading(
    "those of an image",
    (client, { digest }) => client.get(`referrers/${digest}`),
    "GET /v2/:name+/referrers/:digest",
    async (client) => {
      const { digest, mediaType, bytes } = await image(client);
      const subject = { digest, mediaType, size: bytes.length };
      const config = await client.pushBlob(blob());
      await client.pushManifest(imageManifest({ config, fields: { ...BIG, subject } }));
      return { digest, mediaType, bytes };
    },
  ),
  {
    name: "a tag",
    route: DELETE,
    prepare: async (client) => {
      const { digest } = await image(client);
      return {
        send: (sender) => sender.request("DELETE", "manifests/latest"),
        expects: [202],
        repeated: [404],
        actions: ["tag.delete"],
        verify: async (sender) => {
          expect((await sender.get("manifests/latest")).status).toBe(404);
          expect(digestOf(await sender.pullManifest(digest))).toBe(digest);
          expect(await history(sender)).toEqual(["latest"]);
        },
      };
    },
  },
  {
    name: "a manifest with its tag",
    route: DELETE,
    prepare: async (client) => {
      const { digest } = await image(client);
      return {
        send: (sender) => sender.request("DELETE", `manifests/${digest}`),
        expects: [202],
        repeated: [404],
        actions: ["manifest.delete"],
        verify: async (sender) => {
          expect((await sender.get(`manifests/${digest}`)).status).toBe(404);
          expect(await history(sender)).toEqual(["latest"]);
        },
      };
    },
  },
];
