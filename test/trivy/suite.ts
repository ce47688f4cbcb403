/** Makes the images, lists them by both programs, and matches them. */
import { mkdir, mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { type Advisory, advisoriesOf, trivyRows } from "./advisories.ts";
import { writeDatabases } from "./database.ts";
import type { Image } from "./image.ts";
import { alpineImages } from "./images/alpine.ts";
import { debianImages } from "./images/debian.ts";
import { languageImages } from "./images/language.ts";
import { largeImages } from "./images/large.ts";
import { mixedImages } from "./images/mixed.ts";
import { rpmImages } from "./images/rpm.ts";
import { installTrivy } from "./program.ts";
import { listImage, type SlipwayRun } from "./slipway.ts";
import { ensurePrograms } from "./supply.ts";
import { Trivy, type TrivyReport } from "./trivy.ts";

export interface Subject {
  readonly name: string;
  readonly image: Image;
  readonly slipway: SlipwayRun;
  readonly report: TrivyReport;
  readonly trivyCpuSeconds: number;
  /** What Trivy wrote as CycloneDX. */
  readonly sbom: string;
}

export interface Suite {
  readonly trivy: Trivy;
  readonly advisories: readonly Advisory[];
  /** What Trivy takes to start. */
  readonly startCpuSeconds: number;
  readonly subjects: readonly Subject[];
  readonly close: () => Promise<void>;
}

const MAKERS = [alpineImages, debianImages, rpmImages, languageImages, mixedImages, largeImages];

/** IMAGES="npm,go" tries some alone. */
const CHOSEN = (process.env["IMAGES"] ?? "").split(",").filter((name) => name !== "");

export async function openSuite(): Promise<Suite> {
  await ensurePrograms({ "/usr/bin/time": "time" });
  const program = await installTrivy();
  const work = await mkdtemp(join(tmpdir(), "slipway-trivy-"));
  const trees = join(work, "trees");
  await mkdir(trees);
  const images: Image[] = [];
  for (const make of MAKERS) {
    const made = await make(trees, (name) => join(work, name));
    images.push(...made.filter(({ name }) => CHOSEN.length === 0 || CHOSEN.includes(name)));
  }
  const runs: SlipwayRun[] = [];
  for (const image of images) runs.push(await listImage(image));
  const advisories = advisoriesOf(runs);
  const trivy = new Trivy(program, join(work, "cache"));
  await writeDatabases(trivy.cache, trivyRows(advisories));
  const startCpuSeconds = await trivy.cpuSeconds(["--version"]);
  const subjects: Subject[] = [];
  for (const [i, image] of images.entries()) {
    const slipway = runs[i];
    if (slipway === undefined) continue;
    const { text, cpuSeconds } = await trivy.image(image);
    const { text: sbom } = await trivy.image(image, "cyclonedx");
    const report = JSON.parse(text) as TrivyReport;
    const { name } = image;
    subjects.push({ name, image, slipway, report, trivyCpuSeconds: cpuSeconds, sbom });
  }
  const close = () => rm(work, { recursive: true, force: true });
  return { trivy, advisories, startCpuSeconds, subjects, close };
}
