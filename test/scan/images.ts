/** Images with packages, pushed as a client does, and scans as the cron runs them. */
import { env } from "cloudflare:workers";
import { AttachmentStore } from "../../src/db/attachments.ts";
import { Bucket } from "../../src/db/bucket.ts";
import { AttachmentReader } from "../../src/registry/attachments.ts";
import { SignatureChecks } from "../../src/signatures/checks.ts";
import { SignerStore } from "../../src/signatures/signer-store.ts";
import { AttachedDocuments } from "../../src/scan/documents.ts";
import { ExceptionStore } from "../../src/scan/exception-store.ts";
import { ImageLists } from "../../src/scan/image-lists.ts";
import { ScanJob } from "../../src/scan/job.ts";
import type { Finding } from "../../src/scan/match/finding.ts";
import type { Severity } from "../../src/scan/match/severity.ts";
import type { Matcher, ScannedImage } from "../../src/scan/matcher.ts";
import type { Package } from "../../src/scan/package.ts";
import { LayerStore } from "../../src/scan/layer-store.ts";
import { ScanStore } from "../../src/scan/store.ts";
import type { RegistryClient } from "../support/client.ts";
import { type Content, content, imageManifest, type Manifest, text } from "../support/images.ts";
import { turn } from "../support/jobs.ts";
import { file, tar } from "./layer/archive.ts";

export const HOUR = 3_600_000;

/** A layer of these files: path and text. */
export function layer(files: Readonly<Record<string, string>>): Content {
  const entries = Object.entries(files).map(([path, body]) => file(path, body));
  return content(new Uint8Array(tar(...entries)));
}

const OS_RELEASE = 'ID=alpine\nVERSION_ID=3.19.1\nPRETTY_NAME="Alpine Linux v3.19"\n';

/** The files of an Alpine with some packages of apk: name and version. */
export function alpine(packages: Readonly<Record<string, string>>): Record<string, string> {
  const stanzas = Object.entries(packages).map(
    ([name, version]) => `P:${name}\nV:${version}\nA:x86_64\n`,
  );
  return { "etc/os-release": OS_RELEASE, "lib/apk/db/installed": stanzas.join("\n") };
}

/** The file of a package of npm. */
export function npm(name: string, version: string): Record<string, string> {
  return { [`app/node_modules/${name}/package.json`]: JSON.stringify({ name, version }) };
}

export async function pushImage(
  client: RegistryClient,
  layers: readonly Content[],
  tag: string | null = "latest",
): Promise<Manifest> {
  const config = await client.pushBlob(
    text(JSON.stringify({ architecture: "amd64", os: "linux", n: Math.random() })),
  );
  for (const one of layers) await client.pushBlob(one);
  const image = imageManifest({ config, layers });
  return client.pushManifest(image, tag ?? image.digest);
}

export interface Known {
  readonly id: string;
  readonly severity: Severity;
  /** The package that has it, and the first version that has not. */
  readonly package: string;
  readonly fixed?: string;
}

/** A scanner with a list of its own, which counts its matches. */
export class ListMatcher implements Matcher {
  readonly name: string;
  known: readonly Known[];
  version: string | null = null;
  /** The repositories of the images that it matched. */
  readonly matched: string[] = [];

  constructor(known: readonly Known[], name = "list") {
    this.known = known;
    this.name = name;
  }

  readonly dataVersion = () => Promise.resolve(this.version);

  readonly match = ({ repository, packages }: ScannedImage) => {
    this.matched.push(repository);
    return Promise.resolve(packages.flatMap((pkg) => this.#of(pkg)));
  };

  #of(pkg: Package): readonly Finding[] {
    return this.known
      .filter((one) => one.package === pkg.name)
      .map(({ id, severity, fixed }) => ({
        id,
        aliases: [],
        package: pkg,
        fixedVersion: fixed ?? null,
        severity,
        severitySource: "test",
        url: `https://example.test/${id}`,
        summary: "",
      }));
  }
}

/** The job, with these scanners. Each of its turns begins with what is stored. */
export function scanJob(...matchers: readonly Matcher[]): ScanJob {
  return jobWith({}, matchers);
}

/** @param wake is told in how many seconds the job asks for a turn */
export function wakingJob(
  wake: (delaySeconds: number) => Promise<unknown>,
  ...matchers: readonly Matcher[]
): ScanJob {
  return jobWith({ wake }, matchers);
}

/** The same with settings of its own. */
export function jobWith(
  {
    takesAttached = false,
    wake = () => Promise.resolve(),
  }: {
    readonly takesAttached?: boolean;
    readonly wake?: (delaySeconds: number) => Promise<unknown>;
  },
  matchers: readonly Matcher[],
): ScanJob {
  const bucket = new Bucket(env.BLOBS);
  const attachments = new AttachmentReader(new AttachmentStore(env.DB), bucket);
  const parts = {
    store: new ScanStore(env.DB),
    lists: new ImageLists(new LayerStore(env.DB), bucket),
    exceptions: new ExceptionStore(env.DB),
    signatures: new SignatureChecks(new SignerStore(env.DB), attachments),
    documents: new AttachedDocuments(attachments),
  };
  return new ScanJob(parts, bucket, matchers, { isOn: true, takesAttached, rescanMs: HOUR, wake });
}

/** Runs the job until nothing is due. @returns how many turns it took */
export async function scanAll(job: ScanJob): Promise<number> {
  for (let turns = 1; turns <= 50; turns++) {
    if ((await turn(job)) === false) return turns;
  }
  throw new Error("the scans do not end");
}

/** Makes all images due, as time does. */
export async function age(): Promise<void> {
  await env.DB.prepare("UPDATE scans SET due_at = 0 WHERE due_at IS NOT NULL").run();
}
