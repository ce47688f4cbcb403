import { useState } from "preact/hooks";
import type { Finding } from "../../../scan/schema.ts";
import { call, path } from "../../api/client.ts";
import { useAction } from "../../api/use-api.ts";
import { Dialog } from "../../components/dialog.tsx";
import { Choice, Field, Form } from "../../components/form.tsx";
import { useAnnounce } from "../../frame/announcer.tsx";
import { t } from "../../i18n/i18n.ts";

/** How far an acceptance reaches. */
type Reach = "image" | "repository" | "namespace";

interface AcceptDialogProps {
  /** The repository's name. */
  readonly name: string;
  readonly finding: Finding;
  readonly onClose: () => void;
  readonly onDone: () => Promise<void>;
}

/** Asks where a vulnerability is accepted, why and until when. */
export function AcceptDialog({ name, finding, onClose, onDone }: AcceptDialogProps) {
  const announce = useAnnounce();
  const [image, ...others] = finding.images;
  const isOfOneImage = image !== undefined && others.length === 0;
  const [reach, setReach] = useState<Reach>(isOfOneImage ? "image" : "repository");
  const [about, setAbout] = useState<"package" | "all">("package");
  const [reason, setReason] = useState("");
  const [expiresAt, setExpiresAt] = useState("");
  const namespace = namespaceOf(name);
  const action = useAction(async () => {
    const body = {
      vulnerability: finding.id,
      package: about === "package" ? finding.package.name : null,
      repository: reach === "namespace" ? null : name,
      digest: reach === "image" ? image : null,
      reason,
      expiresAt: expiresAt === "" ? null : expiresAt,
    };
    await call(path`/namespaces/${namespace}/vulnerability-exceptions`, { method: "POST", body });
    onClose();
    announce({ text: t("accepted", { what: finding.id }) });
    await onDone();
  });
  return (
    <Dialog title={t("acceptOne", { what: finding.id })} onClose={onClose}>
      <p>{t("acceptHint")}</p>
      <Form action={action} submit={t("acceptSubmit")}>
        <Choice
          label={t("acceptWhere")}
          value={reach}
          options={[
            ...(isOfOneImage ? ([["image", t("acceptImage")]] as const) : []),
            ["repository", t("acceptRepository", { name })],
            ["namespace", t("acceptNamespace", { name: namespace })],
          ]}
          onValue={setReach}
        />
        <Choice
          label={t("acceptPackages")}
          value={about}
          options={[
            ["package", t("acceptPackage", { name: finding.package.name })],
            ["all", t("acceptAllPackages")],
          ]}
          onValue={setAbout}
        />
        <ReasonFields
          reason={reason}
          onReason={setReason}
          expiresAt={expiresAt}
          onExpiresAt={setExpiresAt}
          error={action.error}
        />
      </Form>
    </Dialog>
  );
}

interface ReasonFieldsProps {
  readonly reason: string;
  readonly onReason: (reason: string) => void;
  /** A day; "" for no end. */
  readonly expiresAt: string;
  readonly onExpiresAt: (day: string) => void;
  readonly error: Error | null;
}

/** Why a vulnerability is accepted, and until when. */
export function ReasonFields({
  reason,
  onReason,
  expiresAt,
  onExpiresAt,
  error,
}: ReasonFieldsProps) {
  return (
    <>
      <Field
        label={t("acceptReason")}
        name="reason"
        value={reason}
        onValue={onReason}
        error={error}
        hint={t("acceptReasonHint")}
        isRequired
      />
      <Field
        label={t("acceptUntil")}
        name="expiresAt"
        type="date"
        value={expiresAt}
        onValue={onExpiresAt}
        error={error}
        hint={t("acceptUntilHint")}
      />
    </>
  );
}

/** A repository of one component is in the namespace of its own name. */
export function namespaceOf(name: string): string {
  return name.split("/", 1)[0] ?? name;
}
