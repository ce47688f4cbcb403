import { one } from "../api/answer.ts";
import { type Endpoint, endpoint } from "../api/endpoint.ts";
import { Nothing } from "../api/schema/common.ts";
import { timestamp } from "../http/resource.ts";
import type { ExportOverview } from "./export.ts";
import type { ImportProgress } from "./import-state.ts";
import { Exports, FoundObjects, Import, Importing, Search } from "./schema.ts";
import type { FoundPage } from "./unlinked-blobs.ts";

/** Answers with what has been exported, and how many changes wait. */
const read = endpoint(
  "GET /exports",
  {
    id: "readExports",
    summary: "Read what of the index is in the bucket",
    access: "administer",
    answer: one(Exports),
  },
  async ({ registry }) => toJson(await registry.exporter.overview()),
);

const begin = endpoint(
  "POST /exports",
  {
    id: "beginExport",
    summary: "Begin a full export, unless one is under way",
    access: "administer",
    body: Nothing,
    answer: one(Exports),
  },
  async ({ initiator, registry }) => toJson(await registry.exporter.begin(initiator)),
);

const step = endpoint(
  "POST /exports/steps",
  {
    id: "stepExport",
    summary: "Take the next step of the full export; `running` is null when it is done",
    access: "administer",
    body: Nothing,
    answer: one(Exports),
  },
  async ({ registry }) => toJson(await registry.exporter.step()),
);

const recover = endpoint(
  "POST /import",
  {
    id: "runImport",
    summary: "Begin an import, or take its next step, until it is done",
    access: "administer",
    body: Importing,
    answer: one(Import),
    refuses: ["CONFLICT", "NOT_FOUND"],
  },
  async ({ body: { from = null }, initiator, registry }) =>
    importJson(await registry.importer.step(from, initiator)),
);

/** Lists a page of the objects that are missing from the import; links them if asked to. */
const search = endpoint(
  "POST /import/objects",
  {
    id: "findObjects",
    summary: "List the blobs that are missing from the import; link them if asked",
    access: "administer",
    body: Search,
    answer: one(FoundObjects),
    refuses: ["CONFLICT", "NOT_FOUND"],
  },
  async ({ body: { after = null, link = false }, initiator, registry }) => {
    const imported = await registry.importer.state();
    return pageJson(await registry.unlinkedBlobs.page(imported, after, link ? initiator : null));
  },
);

export const BACKUP: readonly Endpoint[] = [read, begin, step, recover, search];

function toJson({ backupId, pending, exportedAt, running, finished }: ExportOverview) {
  return {
    backupId,
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
  const { phase, backupId, full, objects, toRead, read: done, rows, lost, examples } = state;
  return {
    phase,
    backupId,
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
