import { useRef, useState } from "preact/hooks";
import type { FsckState, FsckStep } from "../../../fsck/schema.ts";
import { call } from "../../api/client.ts";
import { useAction, useApi } from "../../api/use-api.ts";
import { ApiNote } from "../../components/api-note.tsx";
import { Check } from "../../components/check.tsx";
import { Badge, Empty, Failure, Time } from "../../components/parts.tsx";
import { Shown } from "../../components/resource.tsx";
import { type Column, Table } from "../../components/table.tsx";
import { bytes, number, t } from "../../i18n/i18n.ts";
import { AdminFrame } from "./frame.tsx";

/** Whether the index and the stored bytes agree: the background passes, and one that is run from here. */
export function FsckPage() {
  return (
    <AdminFrame part="/fsck">
      <p>{t("fsckIntro")}</p>
      <Background />
      <h2>{t("runFsck")}</h2>
      <Pass />
      <ApiNote
        calls={["GET /fsck", "POST /fsck"]}
        commands={["fsck --status", "fsck", "fsck --repair"]}
      />
    </AdminFrame>
  );
}

function Background() {
  const state = useApi<FsckState>("/fsck");
  return (
    <Shown of={state}>
      {({ metadata, hash, bytesPerDay }) => (
        <dl class="facts">
          <dt>{t("passMetadata")}</dt>
          <dd>
            <RoundText rounds={metadata} />
          </dd>
          <dt>{t("passHash", { size: bytes(bytesPerDay) })}</dt>
          <dd>
            <RoundText rounds={hash} />
          </dd>
        </dl>
      )}
    </Shown>
  );
}

function RoundText({ rounds: { round, last } }: { rounds: FsckState["metadata"] }) {
  return (
    <>
      {round !== null && (
        <p>
          {t("passRuns", { checked: number(round.checked), size: bytes(round.bytes) })}{" "}
          <Findings count={round.findings} />
        </p>
      )}
      {last === null ? (
        <p>{t("noPassYet")}</p>
      ) : (
        <p>
          {t("lastPass")}: <Time at={last.endedAt} />, {t("checkedCount", { count: last.checked })}{" "}
          <Findings count={last.findings} />
        </p>
      )}
    </>
  );
}

function Findings({ count }: { count: number }) {
  return <Badge kind={count === 0 ? "good" : "bad"}>{t("findingsCount", { count })}</Badge>;
}

type Finding = FsckStep["findings"][number];

/** How far the pass of this page is. */
interface Progress {
  readonly checked: number;
  readonly bytes: number;
  readonly findings: readonly Finding[];
  readonly isDone: boolean;
}

function Pass() {
  const [repair, setRepair] = useState(false);
  const [hash, setHash] = useState(false);
  const [progress, setProgress] = useState<Progress | null>(null);
  const isStopped = useRef(false);
  const pass = useAction(async () => {
    isStopped.current = false;
    let sum: Progress = { checked: 0, bytes: 0, findings: [], isDone: false };
    let cursor: FsckStep["next"] = null;
    setProgress(sum);
    do {
      const body = { repair, ...(hash ? {} : { hash: 0 }), ...(cursor === null ? {} : { cursor }) };
      const step: FsckStep = await call<FsckStep>("/fsck", { method: "POST", body });
      cursor = step.next;
      sum = {
        checked: sum.checked + step.checked,
        bytes: sum.bytes + step.bytes,
        findings: [...sum.findings, ...step.findings],
        isDone: cursor === null,
      };
      setProgress(sum);
    } while (cursor !== null && !isStopped.current);
  });
  return (
    <>
      <div class="form">
        <Check label={t("repair")} value={repair} onValue={setRepair} hint={t("repairHint")} />
        <Check label={t("hashBytes")} value={hash} onValue={setHash} hint={t("hashBytesHint")} />
        <p class="actions">
          <button
            type="button"
            class="primary"
            disabled={pass.isBusy}
            onClick={() => void pass.run()}
          >
            {pass.isBusy ? t("working") : t("runFsck")}
          </button>
          {pass.isBusy && (
            <button type="button" onClick={() => (isStopped.current = true)}>
              {t("stop")}
            </button>
          )}
        </p>
      </div>
      {pass.error !== null && <Failure error={pass.error} />}
      {progress !== null && <Result progress={progress} isBusy={pass.isBusy} />}
    </>
  );
}

function Result({ progress, isBusy }: { progress: Progress; isBusy: boolean }) {
  const { checked, bytes: hashed, findings, isDone } = progress;
  return (
    <>
      <p role="status">
        {t("passRuns", { checked: number(checked), size: bytes(hashed) })} {isDone && t("passDone")}
        {!isDone && !isBusy && t("passStopped")}
      </p>
      {isDone && findings.length === 0 && <Empty title={t("nothingFoundByFsck")} />}
      {findings.length > 0 && (
        <Table
          caption={t("findings")}
          columns={columns()}
          rows={findings}
          keyOf={({ kind, repository, subject }) => `${kind} ${repository} ${subject}`}
        />
      )}
    </>
  );
}

function columns(): readonly Column<Finding>[] {
  return [
    { key: "kind", title: t("what"), isHeading: true, cell: ({ kind }) => <code>{kind}</code> },
    {
      key: "on",
      title: t("on"),
      cell: ({ repository, subject }) => `${repository ?? ""} ${subject}`,
    },
    { key: "outcome", title: t("outcome"), cell: ({ outcome }) => outcome },
    { key: "message", title: t("details"), cell: ({ message }) => message },
    { key: "affected", title: t("affected"), cell: ({ affected }) => affected.join(", ") },
  ];
}
