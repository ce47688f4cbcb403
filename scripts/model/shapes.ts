/**
 * The requests of clients that pull and push: which, in which order, and how many at once (from the logs of their
 * servers, and their sources where those say more).
 */
import type { Body } from "../bench/bodies.ts";
import type { Flow, Send, Task } from "./flow.ts";
import { bytesOf, type Document, type Image } from "./images.ts";

export interface Shape {
  readonly name: string;
  /** Docker closes each connection after its answer (moby, distribution/registry.go: DisableKeepAlives). */
  readonly keepsConnections: boolean;
  readonly pull: (flow: Flow, image: Image) => Promise<void>;
  readonly push: (flow: Flow, image: Image) => Promise<void>;
  /** Pushes an image that is there already. */
  readonly pushAgain: (flow: Flow, image: Image) => Promise<void>;
  /** Pushes an image whose layers are in another repository. */
  readonly pushMounted: (flow: Flow, image: Image, from: string) => Promise<void>;
}

const PULLS = { docker: 3, containerd: Infinity, skopeo: 6 };
const PUSHES = { docker: 5, containerd: 3, skopeo: 6 };

export const docker: Shape = {
  name: "docker",
  keepsConnections: false,
  async pull(flow, image) {
    await ping(flow, [`repository:${image.repository}:pull`]);
    await flow.one({ ...manifest(image, image.tag), method: "HEAD" });
    await resolve(flow, image);
    await flow.parallel(PULLS.docker, image.layers.map(get(image)), [get(image)(image.config)]);
  },
  async push(flow, image) {
    await ping(flow, [`repository:${image.repository}:pull,push`]);
    const upload =
      (layer: Body): Task =>
      async (send) => {
        await patched(send, image, layer, true);
        await head(send, image, layer, 200);
      };
    await flow.parallel(PUSHES.docker, image.layers.map(upload));
    await dockerEnd(flow, image, 404);
  },
  async pushAgain(flow, image) {
    await ping(flow, [`repository:${image.repository}:pull,push`]);
    await flow.parallel(PUSHES.docker, image.layers.map(look(image, 200)));
    await dockerEnd(flow, image, 200);
  },
  async pushMounted(flow, image, from) {
    await ping(flow, scopes(image, from));
    const mount =
      (layer: Body): Task =>
      async (send) => {
        await mounted(send, image, layer, from);
        await head(send, image, layer, 200);
      };
    await flow.parallel(PUSHES.docker, image.layers.map(mount));
    await dockerEnd(flow, image, 404);
  },
};

export const containerd: Shape = {
  name: "containerd",
  keepsConnections: true,
  async pull(flow, image) {
    const tag = { ...manifest(image, image.tag), method: "HEAD" };
    await flow.one({ ...tag, expect: 401 });
    await flow.logIn("POST", [`repository:${image.repository}:pull`]);
    await flow.one(tag);
    await resolve(flow, image);
    const blobs = [image.config, ...image.layers];
    await flow.parallel(Math.min(PULLS.containerd, blobs.length), blobs.map(get(image)));
  },
  async push(flow, image) {
    await containerdBegin(flow, image, [`repository:${image.repository}:pull,push`]);
    const upload =
      (blob: Body): Task =>
      async (send) => {
        await head(send, image, blob, 404);
        const location = await open(send, image);
        const body = bytesOf(blob);
        await send({ method: "PUT", path: ending(location, blob), body, expect: 201 });
      };
    await flow.parallel(PUSHES.containerd, [image.config, ...image.layers].map(upload));
    await containerdEnd(flow, image, 404);
  },
  async pushAgain(flow, image) {
    await containerdBegin(flow, image, [`repository:${image.repository}:pull,push`]);
    const blobs = [image.config, ...image.layers];
    await flow.parallel(PUSHES.containerd, blobs.map(look(image, 200)));
    await containerdEnd(flow, image, 200);
  },
  async pushMounted(flow, image, from) {
    await containerdBegin(flow, image, scopes(image, from));
    const mount =
      (blob: Body): Task =>
      async (send) => {
        await head(send, image, blob, 404);
        await mounted(send, image, blob, from);
      };
    await flow.parallel(PUSHES.containerd, [image.config, ...image.layers].map(mount));
    await containerdEnd(flow, image, 404);
  },
};

export const skopeo: Shape = {
  name: "skopeo",
  keepsConnections: true,
  async pull(flow, image) {
    await ping(flow, [`repository:${image.repository}:pull`]);
    await flow.one(manifest(image, image.tag));
    if (image.index !== null) await flow.one(manifest(image, image.manifest.body.digest));
    // The config comes last ("Copying blob", then "Copying config").
    await flow.parallel(PULLS.skopeo, image.layers.map(get(image)));
    await flow.parallel(1, [get(image)(image.config)]);
  },
  async push(flow, image) {
    await ping(flow, [`repository:${image.repository}:pull,push`]);
    await flow.parallel(PUSHES.skopeo, image.layers.map(lookThenPatch(image)));
    await flow.parallel(1, [lookThenPatch(image)(image.config)]);
    await flow.one(put(image));
  },
  async pushAgain(flow, image) {
    await ping(flow, [`repository:${image.repository}:pull,push`]);
    await flow.parallel(PUSHES.skopeo, image.layers.map(look(image, 200)));
    await flow.parallel(1, [look(image, 200)(image.config)]);
    await flow.one(put(image));
  },
  async pushMounted(flow, image, from) {
    await ping(flow, scopes(image, from));
    const mount =
      (blob: Body): Task =>
      async (send) => {
        await head(send, image, blob, 404);
        await head(send, { ...image, repository: from }, blob, 200);
        await mounted(send, image, blob, from);
      };
    await flow.parallel(PUSHES.skopeo, image.layers.map(mount));
    await flow.parallel(1, [lookThenPatch(image)(image.config)]);
    await flow.one(put(image));
  },
};

export const SHAPES: readonly Shape[] = [docker, containerd, skopeo];

async function ping(flow: Flow, asked: readonly string[]): Promise<void> {
  await flow.one({ method: "GET", path: "/v2/", expect: 401 });
  await flow.logIn("GET", asked);
}

async function containerdBegin(flow: Flow, image: Image, asked: readonly string[]): Promise<void> {
  const path = `/v2/${image.repository}/blobs/${image.config.digest}`;
  await flow.one({ method: "HEAD", path, expect: 401 });
  await flow.logIn("POST", asked);
}

async function containerdEnd(flow: Flow, image: Image, found: 200 | 404): Promise<void> {
  await flow.one({ ...manifest(image, image.tag), method: "HEAD", expect: found });
  if (found === 404) await flow.one(put(image));
}

/** The config after the layers, never mounted; then the manifest. */
async function dockerEnd(flow: Flow, image: Image, found: 200 | 404): Promise<void> {
  const { config } = image;
  await flow.parallel(1, [
    async (send) => {
      await head(send, image, config, found);
      if (found === 200) return;
      await patched(send, image, config, true);
      await head(send, image, config, 200);
    },
  ]);
  await flow.one(put(image));
}

/** From what the tag's HEAD said to the manifest of the platform. */
async function resolve(flow: Flow, image: Image): Promise<void> {
  if (image.index !== null) await flow.one(manifest(image, image.index.body.digest));
  await flow.one(manifest(image, image.manifest.body.digest));
}

function manifest({ repository }: Image, reference: string) {
  return { method: "GET", path: `/v2/${repository}/manifests/${reference}`, expect: 200 };
}

/** The manifest under the tag. */
function put(image: Image) {
  return putDocument(image, image.manifest, image.tag);
}

export function putDocument({ repository }: Image, { mediaType, body }: Document, under: string) {
  const path = `/v2/${repository}/manifests/${under}`;
  const headers = { "content-type": mediaType };
  return { method: "PUT", path, headers, body: bytesOf(body), expect: 201 };
}

function get({ repository }: Image): (blob: Body) => Task {
  return ({ digest }) =>
    (send) =>
      send({ method: "GET", path: `/v2/${repository}/blobs/${digest}`, expect: 200 });
}

function look(image: Image, found: number): (blob: Body) => Task {
  return (blob) => (send) => head(send, image, blob, found);
}

function lookThenPatch(image: Image): (blob: Body) => Task {
  return (blob) => async (send) => {
    await head(send, image, blob, 404);
    await patched(send, image, blob, false);
  };
}

async function head(send: Send, { repository }: Image, { digest }: Body, found: number) {
  const path = `/v2/${repository}/blobs/${digest}`;
  return send({ method: "HEAD", path, expect: found });
}

async function open(send: Send, { repository }: Image): Promise<string> {
  const path = `/v2/${repository}/blobs/uploads/`;
  return locationOf(await send({ method: "POST", path, expect: 202 }));
}

async function patched(send: Send, image: Image, blob: Body, chunked: boolean): Promise<void> {
  const path = await open(send, image);
  const body = bytesOf(blob);
  const answer = await send({ method: "PATCH", path, body, chunked, expect: 202 });
  await send({ method: "PUT", path: ending(locationOf(answer), blob), expect: 201 });
}

async function mounted(send: Send, { repository }: Image, { digest }: Body, from: string) {
  const query = new URLSearchParams({ mount: digest, from });
  const path = `/v2/${repository}/blobs/uploads/?${query.toString()}`;
  await send({ method: "POST", path, expect: 201 });
}

function scopes({ repository }: Image, from: string): readonly string[] {
  return [`repository:${repository}:pull,push`, `repository:${from}:pull`];
}

function locationOf({ headers }: { readonly headers: Headers }): string {
  const location = headers.get("location");
  if (location === null) throw new Error("the answer has no Location");
  return location;
}

function ending(location: string, { digest }: Body): string {
  return `${location}${location.includes("?") ? "&" : "?"}digest=${encodeURIComponent(digest)}`;
}
