/** Requests that push blobs, and those that read and delete them. */
import { expect } from "vitest";
import { locationOf, type RegistryClient, streamOf } from "../../support/client.ts";
import { blob, type Bytes, type Content, digestOf, imageManifest } from "../../support/images.ts";
import { newNamespace } from "../../support/principals.ts";
import { limit } from "./management.ts";
import type { Attempt, Scenario } from "./run.ts";

const MiB = 1024 * 1024;
const POST = "POST /v2/:name+/blobs/uploads";
const PATCH = "PATCH /v2/:name+/blobs/uploads/:upload";
const PUT = "PUT /v2/:name+/blobs/uploads/:upload";
const BLOB = "/v2/:name+/blobs/:digest";

/** Sends all of it again, as a client does after a refused upload. */
function anew({ bytes, digest }: Content): (client: RegistryClient) => Promise<Response> {
  return async (client) => client.finish(await client.startUpload(), digest, bytes);
}

function readable({ digest }: Content): (client: RegistryClient) => Promise<void> {
  return async (client) => expect(digestOf(await client.pullBlob(digest))).toBe(digest);
}

/** Sends a chunk that is accepted; the upload can then be finished. */
function chunk(content: Content, send: (client: RegistryClient) => Promise<Response>): Attempt {
  return {
    send,
    expects: [202],
    // The upload has another offset than the client believes; Range says which.
    repeated: [416],
    restart: async (client) => client.patch(await client.startUpload(), content.bytes),
    verify: async (client) => {
      expect((await anew(content)(client)).status).toBe(201);
      await readable(content)(client);
    },
  };
}

function push(content: Content, send: (client: RegistryClient) => Promise<Response>): Attempt {
  return {
    send,
    expects: [201],
    // The session has ended, but its blob is deleted.
    collected: [404],
    restart: anew(content),
    verify: readable(content),
    actions: ["repository.create"],
  };
}

/** An upload with these bytes in it, in one chunk or, ranged, in several. */
async function begun(
  client: RegistryClient,
  bytes: Bytes,
  ends: readonly number[] = [],
): Promise<string> {
  let location = await client.startUpload();
  let first = 0;
  for (const end of ends) {
    location = await client.append(location, bytes.slice(first, end), { first, last: end - 1 });
    first = end;
  }
  return ends.length > 0 ? location : client.append(location, bytes);
}

function patching(name: string, size: number, sent: "whole" | "streamed" | "ranged"): Scenario {
  return {
    name,
    route: PATCH,
    prepare: async (client) => {
      const content = blob(size);
      const { bytes } = content;
      if (sent === "ranged") {
        const location = await begun(client, bytes, [MiB]);
        const range = { first: MiB, last: size - 1 };
        return chunk(content, (sender) => sender.patch(location, bytes.slice(MiB), range));
      }
      const location = await client.startUpload();
      const body = () => (sent === "streamed" ? streamOf(bytes) : bytes);
      return chunk(content, (sender) => sender.patch(location, body()));
    },
  };
}

/** @param ends the ends of the chunks sent before; the rest comes with the finish */
function finishing(name: string, size: number, ends: readonly number[], whole = false): Scenario {
  return {
    name,
    route: PUT,
    prepare: async (client) => {
      const content = blob(size);
      const { bytes, digest } = content;
      const sent = whole ? size : (ends.at(-1) ?? 0);
      const location =
        sent === 0 ? await client.startUpload() : await begun(client, bytes, whole ? [] : ends);
      const rest = sent === size ? null : bytes.slice(sent);
      return push(content, (sender) => sender.finish(location, digest, rest));
    },
  };
}

async function held(client: RegistryClient): Promise<Content> {
  const layer = await client.pushBlob(blob());
  await client.pushManifest(imageManifest({ config: layer }), "latest");
  return layer;
}

function reading(
  name: string,
  send: (client: RegistryClient, layer: Content) => Promise<Response>,
  status = 200,
): Scenario {
  return {
    name,
    route: `GET ${BLOB}`,
    reads: true,
    prepare: async (client) => {
      const layer = await held(client);
      return { send: (sender) => send(sender, layer), expects: [status] };
    },
  };
}

export const UPLOADS: readonly Scenario[] = [
  {
    name: "an upload",
    route: POST,
    prepare: () =>
      Promise.resolve({
        send: (sender) => sender.request("POST", "blobs/uploads/"),
        expects: [202],
      }),
  },
  {
    name: "all at once",
    route: POST,
    prepare: () => {
      const content = blob();
      const path = `blobs/uploads/?digest=${content.digest}`;
      const send = (sender: RegistryClient) =>
        sender.request("POST", path, { body: content.bytes });
      return Promise.resolve(push(content, send));
    },
  },
  {
    name: "a mount",
    route: POST,
    prepare: async (client) => {
      const source = client.in(`${client.repository}/source`);
      const layer = await held(source);
      const path = `blobs/uploads/?mount=${layer.digest}&from=${source.repository}`;
      return {
        send: (sender) => sender.request("POST", path),
        expects: [201],
        verify: readable(layer),
        actions: ["repository.create"],
      };
    },
  },
  {
    name: "a mount of nothing",
    route: POST,
    prepare: () => {
      const path = `blobs/uploads/?mount=${blob().digest}&from=test/none`;
      return Promise.resolve({ send: (sender) => sender.request("POST", path), expects: [202] });
    },
  },
  patching("a small chunk", 1000, "whole"),
  patching("a streamed chunk of several parts", 9 * MiB, "streamed"),
  patching("a ranged chunk", 2 * MiB, "ranged"),
  patching("a ranged chunk that makes a part whole", 9 * MiB, "ranged"),
  {
    name: "a chunk after a natively hashed one",
    route: PATCH,
    prepare: async (client) => {
      const content = blob(9 * MiB + 1000);
      const { bytes } = content;
      const location = await begun(client, bytes.slice(0, 9 * MiB));
      return chunk(content, (sender) => sender.patch(location, bytes.slice(9 * MiB)));
    },
  },
  {
    name: "a chunk that starts over",
    route: PATCH,
    prepare: async (client) => {
      const content = blob(9 * MiB);
      const first = await client.startUpload();
      await client.append(first, content.bytes);
      return chunk(content, (sender) => sender.patch(first, content.bytes));
    },
  },
  finishing("of a small chunk", 1000, [], true),
  finishing("of all bytes", 1000, []),
  finishing("of all bytes, more than a part", 9 * MiB, []),
  finishing("of several parts", 17 * MiB, [], true),
  finishing("of ranged chunks", 9 * MiB, [100, 9 * MiB]),
  finishing("of ranged chunks with the last bytes", 9 * MiB, [100, 8 * MiB + 100]),
  {
    name: "under sha512, which is read back",
    route: PUT,
    prepare: async (client) => {
      const { bytes } = blob(9 * MiB);
      const content = { bytes, digest: digestOf(bytes, "sha512") };
      const location = await begun(client, bytes);
      const { verify: _, ...attempt } = push(content, (sender) =>
        sender.finish(location, content.digest),
      );
      return attempt;
    },
  },
  {
    name: "of what is there already",
    route: PUT,
    prepare: async (client) => {
      const content = await held(client);
      const location = await begun(client, content.bytes);
      const { actions: _, ...attempt } = push(content, (sender) =>
        sender.finish(location, content.digest),
      );
      return attempt;
    },
  },
  {
    name: "once more",
    route: PUT,
    prepare: async (client) => {
      const content = await held(client);
      const location = await client.startUpload();
      await client.finish(location, content.digest, content.bytes);
      const { actions: _, ...attempt } = push(content, (sender) =>
        sender.finish(location, content.digest, content.bytes),
      );
      return attempt;
    },
  },
  {
    name: "of more than the quota allows",
    route: PUT,
    prepare: async (client) => {
      const small = client.in(`${await newNamespace()}/app`);
      const { bytes, digest } = blob(9 * MiB);
      const location = await begun(small, bytes);
      await limit(small.repository.split("/", 1)[0] ?? "", "bytes", 1000);
      return {
        send: (sender) => sender.in(small.repository).finish(location, digest),
        expects: [403],
        // Its bytes are deleted, and the upload with them.
        repeated: [404],
        restart: async (sender) => {
          const again = sender.in(small.repository);
          const brought = await again.patch(await again.startUpload(), bytes);
          // An isolate may still use the quota that it read before: then the end is refused.
          return brought.status === 202 ? again.finish(locationOf(brought), digest) : brought;
        },
      };
    },
  },
  {
    name: "with the wrong digest",
    route: PUT,
    prepare: async (client) => {
      const location = await begun(client, blob().bytes);
      return { send: (sender) => sender.finish(location, blob().digest), expects: [400] };
    },
  },
  {
    name: "an upload",
    route: "GET /v2/:name+/blobs/uploads/:upload",
    prepare: async (client) => {
      const location = await begun(client, blob().bytes);
      return { send: (sender) => sender.get(location), expects: [204] };
    },
  },
  {
    name: "an upload that has not begun",
    route: "GET /v2/:name+/blobs/uploads/:upload",
    prepare: async (client) => {
      const location = await client.startUpload();
      return { send: (sender) => sender.get(location), expects: [204] };
    },
  },
  {
    name: "an upload that has not begun",
    route: "DELETE /v2/:name+/blobs/uploads/:upload",
    prepare: async (client) => {
      const location = await client.startUpload();
      return {
        send: (sender) => sender.request("DELETE", location),
        expects: [204],
        repeated: [404],
        verify: async (sender) => expect((await sender.get(location)).status).toBe(404),
      };
    },
  },
  {
    name: "an upload with parts",
    route: "DELETE /v2/:name+/blobs/uploads/:upload",
    prepare: async (client) => {
      const location = await begun(client, blob(9 * MiB).bytes);
      return {
        send: (sender) => sender.request("DELETE", location),
        expects: [204],
        repeated: [404],
      };
    },
  },
  reading("HEAD", (client, { digest }) => client.head(`blobs/${digest}`)),
  reading("GET", (client, { digest }) => client.get(`blobs/${digest}`)),
  reading(
    "a range",
    (client, { digest }) => client.get(`blobs/${digest}`, { range: "bytes=10-19" }),
    206,
  ),
  reading(
    "two ranges",
    (client, { digest }) => client.get(`blobs/${digest}`, { range: "bytes=1-2,5-6" }),
    206,
  ),
  {
    name: "a blob",
    route: `DELETE ${BLOB}`,
    prepare: async (client) => {
      await held(client);
      const { digest } = await client.pushBlob(blob());
      return {
        send: (sender) => sender.request("DELETE", `blobs/${digest}`),
        expects: [202],
        repeated: [404],
        collected: [404],
        actions: ["blob.delete"],
        verify: async (sender) => expect((await sender.head(`blobs/${digest}`)).status).toBe(404),
      };
    },
  },
];
