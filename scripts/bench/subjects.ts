/** The servers that are measured side by side: Slipway as `npm start`, the bare Worker, and the registries that were found. */
import { join } from "node:path";
import { type FoundPeer, PEERS, startPeer } from "./peers.ts";
import { saysReady, startProcess } from "./process.ts";
import { openSubject, type Subject } from "./subject.ts";

/** A subject that implements the registry protocol: Slipway or a peer. */
export interface Registry extends Subject {
  /** The layout of its data folder, for content that is written into it directly. */
  readonly layout: "slipway" | "distribution" | "zot";
  /** user:password, or null where everyone may do everything. */
  readonly credentials: string | null;
  /** Returns the headers that a request for this repository needs. */
  headers(repository: string): Promise<Readonly<Record<string, string>>>;
}

/** A subject that is not measured, and why. */
export interface Missing {
  readonly subject: string;
  readonly reason: string;
}

export interface Subjects {
  readonly slipway: Registry;
  readonly bare: Subject;
  readonly peers: readonly Registry[];
  /** Slipway and its peers. */
  readonly registries: readonly Registry[];
  readonly missing: readonly Missing[];
  stop(): Promise<void>;
}

export const SLIPWAY = "Slipway";
export const BARE = "bare Worker";
/** In the order of all tables and of the plot. */
export const SUBJECTS = [SLIPWAY, BARE, ...Object.values(PEERS).map(({ name }) => name)];
const HOST = "127.0.0.1";
const PASSWORD = "the password of a benchmark";
/** A token lives for 15 minutes; engines get one for each push or pull. */
const TOKEN_MS = 5 * 60_000;
/** An interrupted run leaves no server and no data behind. */
const SIGNALS = ["SIGINT", "SIGTERM"] as const;

export async function startSubjects(
  found: readonly FoundPeer[],
  missing: readonly Missing[],
): Promise<Subjects> {
  const openings = [openSlipway(), openBare(), ...found.map(openPeer)] as const;
  const settled = await Promise.allSettled(openings);
  const opened = settled.flatMap((one) => (one.status === "fulfilled" ? [one.value] : []));
  const stop = async (): Promise<void> => {
    for (const signal of SIGNALS) process.off(signal, interrupted);
    await Promise.all(opened.map((subject) => subject.stop()));
  };
  const interrupted = (): void => void stop().then(() => process.exit(130));
  for (const signal of SIGNALS) process.once(signal, interrupted);
  try {
    const [slipway, bare, ...peers] = await Promise.all(openings);
    return { slipway, bare, peers, registries: [slipway, ...peers], missing, stop };
  } catch (error) {
    await stop();
    throw error;
  }
}

async function openSlipway(): Promise<Registry> {
  const program = [process.execPath, join(import.meta.dirname, "..", "start.ts")];
  const subject = await openSubject(SLIPWAY, ({ port, data, log }) => {
    // Logs errors and changes, but not each pull, as the peers do.
    const LOG_READS = "false";
    const env = {
      HOST,
      PORT: String(port),
      SLIPWAY_DATA: data,
      ADMIN_PASSWORD: PASSWORD,
      LOG_READS,
    };
    return startProcess(program, { log, env, ready: saysReady });
  });
  const credentials = `admin:${PASSWORD}`;
  const kept = new Map<string, { readonly authorization: string; readonly from: number }>();
  return {
    ...subject,
    layout: "slipway",
    credentials,
    async renew() {
      kept.clear();
      await subject.renew();
    },
    async headers(repository) {
      const known = kept.get(repository);
      if (known !== undefined && Date.now() - known.from < TOKEN_MS) {
        return { authorization: known.authorization };
      }
      const authorization = await token(subject.url, repository, credentials);
      kept.set(repository, { authorization, from: Date.now() });
      return { authorization };
    },
  };
}

async function token(url: string, repository: string, credentials: string): Promise<string> {
  const scope = `repository:${repository}:pull,push`;
  const response = await fetch(`${url}/token?service=${new URL(url).host}&scope=${scope}`, {
    headers: { authorization: basic(credentials) },
  });
  if (!response.ok) throw new Error(`token: ${response.status} ${await response.text()}`);
  return `Bearer ${((await response.json()) as { token: string }).token}`;
}

export function basic(credentials: string): string {
  return `Basic ${Buffer.from(credentials).toString("base64")}`;
}

function openBare(): Promise<Subject> {
  const program = [process.execPath, join(import.meta.dirname, "bare-server.ts")];
  return openSubject(BARE, ({ port, data, log }) => {
    const env = { HOST, PORT: String(port), BARE_DATA: data };
    return startProcess(program, { log, env, ready: saysReady });
  });
}

async function openPeer(peer: FoundPeer): Promise<Registry> {
  const subject = await openSubject(peer.name, (place) => startPeer(peer, place));
  return { ...subject, layout: peer.layout, credentials: null, headers: async () => ({}) };
}
