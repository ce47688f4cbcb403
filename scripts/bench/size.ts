/** The sizes of a run. */
export interface Size {
  /** Samples of each variant, and how many more where the ratio has a target. */
  readonly rounds: number;
  readonly more: number;
  /**
   * Seconds that wrk asks for a sample, null to do without it, and the requests that our own load generator sends then.
   */
  readonly seconds: number | null;
  readonly requests: number;
  readonly connections: readonly number[];
  /**
   * Blobs that are pushed and pulled: their sizes in bytes, and how many of them a sample transfers, by one client and
   * by eight.
   */
  readonly blobs: readonly BlobSize[];
  /** The blob that is pulled from the bucket and from the cache. */
  readonly cached: number;
  readonly tags: number;
  /** MiB of each of the twelve layers. */
  readonly layers: readonly number[];
  /** The rounds of zb, its requests in a test, and the tests that it runs. */
  readonly zb: { readonly rounds: number; readonly requests: number; readonly tests: string };
  /** Bytes of each of the concurrent uploads whose memory is measured. */
  readonly upload: number;
  /** Seconds for which 64 clients pull while 8 push. */
  readonly soakSeconds: number;
}

export interface BlobSize {
  readonly bytes: number;
  readonly pushes: Readonly<Record<Clients, number>>;
  readonly pulls: Readonly<Record<Clients, number>>;
  /** Samples of each push, where they differ from the usual number. */
  readonly rounds?: Readonly<Record<Clients, number>>;
}

export type Clients = 1 | 8;

const KIB = 1024;
export const MIB = 1024 * KIB;

export const FULL: Size = {
  rounds: 3,
  more: 2,
  seconds: 1,
  requests: 3000,
  connections: [16, 1, 64],
  blobs: [
    { bytes: KIB, pushes: { 1: 32, 8: 128 }, pulls: { 1: 400, 8: 1200 } },
    { bytes: MIB, pushes: { 1: 16, 8: 48 }, pulls: { 1: 100, 8: 240 }, rounds: { 1: 2, 8: 2 } },
    { bytes: 10 * MIB, pushes: { 1: 4, 8: 16 }, pulls: { 1: 20, 8: 80 }, rounds: { 1: 2, 8: 2 } },
    { bytes: 95 * MIB, pushes: { 1: 1, 8: 8 }, pulls: { 1: 4, 8: 16 }, rounds: { 1: 3, 8: 1 } },
    { bytes: 600 * MIB, pushes: { 1: 1, 8: 8 }, pulls: { 1: 1, 8: 8 }, rounds: { 1: 2, 8: 1 } },
  ],
  cached: 512 * MIB,
  tags: 100_000,
  layers: [1, 1, 2, 2, 4, 4, 8, 8, 16, 16, 32, 64],
  zb: { rounds: 1, requests: 10, tests: "^(Get|Push|Pull) " },
  upload: 600e6,
  soakSeconds: 180,
};

export const SHORT: Size = {
  rounds: 1,
  more: 0,
  seconds: null,
  requests: 200,
  connections: [16],
  blobs: [
    { bytes: KIB, pushes: { 1: 4, 8: 16 }, pulls: { 1: 20, 8: 80 } },
    { bytes: 9 * MIB, pushes: { 1: 1, 8: 8 }, pulls: { 1: 2, 8: 8 } },
  ],
  cached: 32 * MIB,
  tags: 2_000,
  layers: [1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 2],
  zb: { rounds: 1, requests: 2, tests: "^(Get Catalog|Push Monolith 1MB|Pull 1MB)$" },
  upload: 60e6,
  soakSeconds: 20,
};
