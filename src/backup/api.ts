import * as v from "valibot";
import type { ExportOverview } from "./export.ts";
import type { FoundPage } from "./unlinked-blobs.ts";
import type { ImportProgress } from "./import-state.ts";
import type { Context } from "../http/context.ts";
import { readJson } from "../http/input.ts";
import { timestamp } from "../http/resource.ts";

const Nothing = v.strictObject({});
const Import = v.strictObject({
  /** The id of a backup or of a full export. */
  from: v.optional(v.pipe(v.string(), v.minLength(1), v.maxLength(64))),
});
const Search = v.strictObject({
  after: v.optional(v.pipe(v.string(), v.minLength(1), v.maxLength(1024))),
  link: v.optional(v.boolean()),
});

/** Answers with what has been exported, and how many changes wait. */
export async function read({ registry }: Context): Promise<Response> {
  return Response.json(toJson(await registry.exporter.overview()));
}

/** Begins a full export, unless one is running. */
export async function begin({ request, initiator, registry }: Context): Promise<Response> {
  await readJson(request, Nothing);
  return Response.json(toJson(await registry.exporter.begin(initiator)));
}

/** Runs one step of the current full export. */
export async function step({ request, registry }: Context): Promise<Response> {
  await readJson(request, Nothing);
  return Response.json(toJson(await registry.exporter.step()));
}

/** Begins an import, or runs its next step. */
export async function recover({ request, initiator, registry }: Context): Promise<Response> {
  const { from = null } = await readJson(request, Import);
  return Response.json(importJson(await registry.importer.step(from, initiator)));
}

/** Lists a page of the objects that are missing from the import; links them if asked to. */
export async function search({ request, initiator, registry }: Context): Promise<Response> {
  const { after = null, link = false } = await readJson(request, Search);
  const imported = await registry.importer.state();
  const page = await registry.unlinkedBlobs.page(imported, after, link ? initiator : null);
  return Response.json(pageJson(page));
}

function toJson({ chain, pending, exportedAt, running, finished }: ExportOverview) {
  return {
    chain,
    pending,
    exportedAt: someTime(exportedAt),
    running:
      running === null
        ? null
        : {
            id: running.id,
            phase: running.phase,
            startedAt: timestamp(running.startedAt),
            objects: running.objects,
            rows: running.rows,
          },
    finished: finished.map(({ id, startedAt, finishedAt, objects, rows }) => {
      const times = { startedAt: timestamp(startedAt), finishedAt: timestamp(finishedAt) };
      return { id, ...times, objects, rows };
    }),
  };
}

function importJson(state: ImportProgress) {
  const { phase, chain, full, objects, toRead, read: done, rows, lost, examples } = state;
  return {
    phase,
    chain,
    full,
    beganAt: timestamp(state.beganAt),
    endedAt: someTime(state.endedAt),
    exportedAt: state.exportedAt === 0 ? null : timestamp(state.exportedAt),
    objects,
    toRead,
    read: done,
    rows,
    lost,
    examples,
  };
}

function pageJson({ items, next }: FoundPage) {
  return {
    items: items.map(({ uploaded, ...item }) => ({ ...item, uploadedAt: timestamp(uploaded) })),
    next,
  };
}

function someTime(milliseconds: number | null): string | null {
  return milliseconds === null ? null : timestamp(milliseconds);
}
