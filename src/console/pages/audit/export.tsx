import type { AuditEvent } from "../../../events/schema.ts";
import { readLines } from "../../api/client.ts";
import { useAction } from "../../api/use-api.ts";
import { Failure } from "../../components/parts.tsx";
import { t } from "../../i18n/i18n.ts";
import { csvOf } from "./csv.ts";

/** Buttons that save all entries which the filters let through. @param to the log's path below /api/v1 */
export function AuditExport({ to }: { to: string }) {
  const save = useAction(async (format: "csv" | "jsonl") => {
    const lines = await readLines(to);
    const text =
      format === "jsonl"
        ? lines
        : csvOf(
            lines
              .split("\n")
              .filter((line) => line !== "")
              .map((line) => JSON.parse(line) as AuditEvent),
          );
    const type = format === "csv" ? "text/csv" : "application/x-ndjson";
    download(new Blob([text], { type }), `audit.${format}`);
  });
  return (
    <div class="actions above-space">
      <button type="button" disabled={save.isBusy} onClick={() => void save.run("csv")}>
        {t("exportCsv")}
      </button>
      <button type="button" disabled={save.isBusy} onClick={() => void save.run("jsonl")}>
        {t("exportLines")}
      </button>
      {save.isBusy && <span role="status">{t("working")}</span>}
      {save.error !== null && <Failure error={save.error} />}
    </div>
  );
}

function download(content: Blob, name: string): void {
  const link = document.createElement("a");
  link.href = URL.createObjectURL(content);
  link.download = name;
  link.click();
  // The browser reads the address at once; later the memory can go.
  setTimeout(() => URL.revokeObjectURL(link.href), 60_000);
}
