import { useLocation } from "preact-iso/router";
import { useState } from "preact/hooks";
import { call, path } from "../../api/client.ts";
import { useAction } from "../../api/use-api.ts";
import { Dialog } from "../../components/dialog.tsx";
import { Field, Form } from "../../components/form.tsx";
import { useLead } from "../../components/lead.ts";
import { useAnnounce } from "../../frame/announcer.tsx";
import { useSession } from "../../frame/session.tsx";
import { t } from "../../i18n/i18n.ts";

/** Deletes the repository, after its name was written. */
export function DeleteRepository({ name, version }: { name: string; version: number }) {
  const [isOpen, setOpen] = useState(false);
  return (
    <section>
      <h2>{t("deleteRepository")}</h2>
      <p>{t("deleteRepositoryHint")}</p>
      <button type="button" class="danger" onClick={() => setOpen(true)}>
        {t("deleteRepository")}
      </button>
      {isOpen && <Confirm name={name} version={version} onClose={() => setOpen(false)} />}
    </section>
  );
}

interface ConfirmProps {
  readonly name: string;
  readonly version: number;
  readonly onClose: () => void;
}

function Confirm({ name, version, onClose }: ConfirmProps) {
  const { me } = useSession();
  const { route } = useLocation();
  const lead = useLead();
  const announce = useAnnounce();
  const [written, setWritten] = useState("");
  const days = me?.trashDays ?? 0;
  const action = useAction(async () => {
    if (written !== name) throw new Error(t("nameDiffers", { what: name }));
    await call(path`/repositories/${name}`, { method: "DELETE", version });
    const undo = async () => {
      const body = { repository: "newest" };
      await call(path`/repositories/${name}/-/restore`, { method: "POST", body });
      lead("/", `/repositories/${name}`);
    };
    announce({ text: t("repositoryDeleted", { what: name }), ...(days === 0 ? {} : { undo }) });
    route("/");
  });
  return (
    <Dialog title={t("deleteRepository")} onClose={onClose}>
      <p>
        {t("repositoryGoes")} {days === 0 ? t("notUndoable") : t("undoable", { count: days })}
      </p>
      <Form action={action} submit={t("deleteRepository")}>
        <Field
          label={t("writeName", { what: name })}
          name="name"
          value={written}
          onValue={setWritten}
          isRequired
        />
      </Form>
    </Dialog>
  );
}
