/** The operations that are tried at every size, with the most rows that each may read, whatever the size. */
import type { Operation } from "./operation.ts";
import { type Trial, unused } from "./trial.ts";
import { BIG, digest, OTHER_TYPE, smallRepositories, smallRepository, tag } from "./world.ts";
import { UPKEEP } from "./upkeep.ts";

const PAGE = 50;
const CHILDREN = 100;
const V2 = `/v2/${BIG}`;
const API = `/api/v1/repositories/${BIG}`;

/** Makes an operation that needs no preparation: a request. */
function request(
  name: string,
  most: number,
  path: (world: Trial["world"]) => string,
  method = "GET",
): Operation {
  return { name, most, ready: (trial) => () => trial.request(method, path(trial.world)) };
}

const PULLS: readonly Operation[] = [
  // The reads of an isolate with empty caches.
  request("manifest by tag", 90, ({ manifests }) => `${V2}/manifests/${tag(manifests / 2)}`),
  request(
    "manifest by digest",
    75,
    ({ manifests }) => `${V2}/manifests/${digest("manifest", manifests / 2 + 1)}`,
  ),
  request("referrers, first page of 10,000", 950, () => `${V2}/referrers/${digest("manifest", 0)}`),
  request(
    "referrers, a page in the middle",
    950,
    () => `${V2}/referrers/${digest("manifest", 0)}?last=sha256:c`,
  ),
  request(
    "referrers of one type",
    950,
    () => `${V2}/referrers/${digest("manifest", 0)}?artifactType=${encodeURIComponent(OTHER_TYPE)}`,
  ),
  request("referrers, none", 20, () => `${V2}/referrers/${digest("manifest", 3)}`),
];

const LISTS: readonly Operation[] = [
  request("tags, first page", 70, () => `${V2}/tags/list?n=${PAGE}`),
  request(
    "tags, a page in the middle",
    70,
    ({ manifests }) => `${V2}/tags/list?n=${PAGE}&last=${tag(manifests / 2)}`,
  ),
  request(
    "tags, last page",
    70,
    ({ manifests }) => `${V2}/tags/list?n=${PAGE}&last=${tag(manifests - PAGE - 1)}`,
  ),
  request("catalog page", 50, () => `/v2/_catalog?n=1`),
  request("tags with details", 2_900, () => `${API}/-/tags?limit=${PAGE}`),
  request(
    "tags with details, middle",
    2_900,
    ({ manifests }) => `${API}/-/tags?limit=${PAGE}&after=${tag(manifests / 2)}`,
  ),
  request("manifests with details", 2_900, () => `${API}/-/manifests?limit=${PAGE}`),
  request(
    "one manifest with details",
    80,
    ({ manifests }) => `${API}/-/manifests/${digest("manifest", manifests / 2)}`,
  ),
  { ...request("repository with counts", 42_000, () => API), counts: "bounded" },
  request("repositories", 50, () => `/api/v1/repositories?limit=1`),
  request("namespaces", 15, () => `/api/v1/namespaces?limit=1`),
  request("audit of the repository", 30, () => `/api/v1/audit?repository=${BIG}&limit=${PAGE / 5}`),
];

/** A tag has the size of its image, which is added up when it is set: of an index, over all that its children name. */
const PUSHES: readonly Operation[] = [
  {
    name: "push of a manifest, new tag",
    most: 200,
    ready: async (trial) => {
      const image = await trial.image();
      return () => trial.put(image, unused());
    },
  },
  {
    name: "push of a manifest, tag moved",
    most: 215,
    ready: async (trial) => {
      const { tag: moved } = await trial.pushed();
      const image = await trial.image();
      return () => trial.put(image, moved);
    },
  },
  {
    name: "push of a manifest again",
    most: 195,
    ready: async (trial) => {
      const pushed = await trial.pushed();
      return () => trial.put(pushed, pushed.tag);
    },
  },
  {
    name: "push of an index of 100",
    most: 6_000,
    ready: async (trial) => {
      const index = await trial.index(CHILDREN);
      return () => trial.put(index, unused());
    },
  },
  {
    name: "HEAD of a blob that is named",
    most: 20,
    ready: (trial) => () => trial.request("HEAD", `${V2}/blobs/${digest("layer", 0)}`),
  },
  {
    name: "HEAD of a blob that is not",
    most: 20,
    ready: async (trial) => {
      const blob = await trial.pushedBlob();
      return () => trial.request("HEAD", `${V2}/blobs/${blob}`);
    },
  },
  { name: "push of a blob", most: 75, ready: (trial) => () => trial.pushedBlob() },
  {
    name: "mount of a blob that thousands hold",
    most: 60,
    ready: (trial) => {
      const target = smallRepository(smallRepositories(trial.world) - 1);
      const path = `/v2/${target}/blobs/uploads/?mount=${digest("layer", 3)}&from=${BIG}`;
      return () => trial.request("POST", path);
    },
  },
  {
    name: "mount to a new repository",
    most: 70,
    ready: (trial) => {
      const path = `/v2/${unused()}/app/blobs/uploads/?mount=${digest("layer", 0)}&from=${BIG}`;
      return () => trial.request("POST", path);
    },
  },
];

const DELETIONS: readonly Operation[] = [
  {
    name: "delete of a manifest with its tag",
    most: 90,
    ready: async (trial) => {
      const pushed = await trial.pushed();
      return () => trial.request("DELETE", `${V2}/manifests/${pushed.digest}`);
    },
  },
  {
    name: "delete of a tag",
    most: 50,
    ready: async (trial) => {
      const pushed = await trial.pushed();
      return () => trial.request("DELETE", `${V2}/manifests/${pushed.tag}`);
    },
  },
  {
    name: "delete of a blob",
    most: 50,
    ready: async (trial) => {
      const blob = await trial.pushedBlob();
      return () => trial.request("DELETE", `${V2}/blobs/${blob}`);
    },
  },
];

function post(trial: Trial, path: string, body: object): Promise<Response> {
  return trial.request("POST", path, JSON.stringify(body), "application/json");
}

const UNDO: readonly Operation[] = [
  request("past of all tags", 150, () => `${API}/-/history?limit=${PAGE}`),
  request("past of one tag", 150, () => `${API}/-/history?tag=latest&limit=${PAGE}`),
  request("deleted manifests", 2_900, () => `${API}/-/deleted?limit=${PAGE}`),
  request("deleted repositories", 50, () => "/api/v1/deleted-repositories?limit=1"),
  {
    name: "restore of a manifest",
    most: 190,
    ready: async (trial) => {
      const pushed = await trial.pushed();
      await trial.request("DELETE", `${V2}/manifests/${pushed.digest}`);
      return () => post(trial, `${API}/-/restore`, { digest: pushed.digest });
    },
  },
  {
    name: "restore of a tag that was moved",
    most: 150,
    ready: async (trial) => {
      const pushed = await trial.pushed();
      await trial.put(await trial.image(), pushed.tag);
      return () => post(trial, `${API}/-/restore`, { tag: pushed.tag });
    },
  },
  {
    name: "purge of a manifest",
    most: 150,
    ready: async (trial) => {
      const pushed = await trial.pushed();
      await trial.request("DELETE", `${V2}/manifests/${pushed.digest}`);
      return () => post(trial, `${API}/-/purge`, { digest: pushed.digest });
    },
  },
  {
    name: "purge of a tag",
    most: 100,
    ready: async (trial) => {
      const pushed = await trial.pushed();
      await trial.request("DELETE", `${V2}/manifests/${pushed.tag}`);
      return () => post(trial, `${API}/-/purge`, { tag: pushed.tag });
    },
  },
  {
    name: "delete of the big repository",
    most: 50,
    ready: (trial) => () => trial.request("DELETE", API),
  },
  {
    name: "restore of the big repository",
    most: 50,
    ready: (trial) => () => post(trial, `${API}/-/restore`, { repository: "newest" }),
  },
];

export const OPERATIONS: readonly Operation[] = [
  ...PULLS,
  ...LISTS,
  ...PUSHES,
  ...DELETIONS,
  ...UNDO,
  ...UPKEEP,
];
