import { useLocation } from "preact-iso/router";
import { useState } from "preact/hooks";
import type { MadeRobotToken, Robot } from "../../../api/schema/accounts.ts";
import { call, path } from "../../api/client.ts";
import { useAction, useApi } from "../../api/use-api.ts";
import { Confirm } from "../../components/confirm.tsx";
import { Dialog } from "../../components/dialog.tsx";
import { type Days, ExpiryChoice, expiresInDays } from "../../components/expiry.tsx";
import { Field, Form } from "../../components/form.tsx";
import { Badge, Failure, Time } from "../../components/parts.tsx";
import { Shown } from "../../components/resource.tsx";
import { ScopeList, ScopesField } from "../../components/scopes.tsx";
import { SecretOnce } from "../../components/secret.tsx";
import { useAnnounce } from "../../frame/announcer.tsx";
import { t } from "../../i18n/i18n.ts";
import { RobotSecrets } from "./robot-secrets.tsx";

type Open = "scopes" | "secret" | "delete" | null;

/** One robot: what it may do, and its secrets. */
export function RobotDetail({ namespace, name }: { namespace: string; name: string }) {
  const { path: at, route } = useLocation();
  const announce = useAnnounce();
  const [open, setOpen] = useState<Open>(null);
  const [made, setMade] = useState<MadeRobotToken | null>(null);
  const to = path`/namespaces/${namespace}/robots/${name}`;
  const robot = useApi<Robot>(to);
  const full = `${namespace}+${name}`;
  const close = () => setOpen(null);
  const show = (token: MadeRobotToken) => {
    close();
    setMade(token);
    void robot.reload();
  };
  return (
    <>
      <p>
        <a href={at}>{t("allRobots")}</a>
      </p>
      <Shown of={robot}>
        {(value) => (
          <>
            <Head robot={value} to={to} onOpen={setOpen} onDone={robot.reload} />
            <h3>{t("secrets")}</h3>
            <RobotSecrets tokens={value.tokens} to={to} onDone={robot.reload} />
            {open === "scopes" && (
              <ScopesDialog robot={value} to={to} onClose={close} onDone={robot.reload} />
            )}
          </>
        )}
      </Shown>
      {open === "secret" && <NewSecret to={to} onClose={close} onMade={show} />}
      {open === "delete" && (
        <Confirm
          title={t("deleteRobot", { name: full })}
          act={t("delete")}
          onClose={close}
          work={async () => {
            await call(to, { method: "DELETE" });
            announce({ text: t("deleted", { name: full }) });
            route(at);
          }}
        >
          <p>{t("deleteRobotHint")}</p>
        </Confirm>
      )}
      {made !== null && (
        <SecretOnce
          title={t("secretMade")}
          secret={made.secret}
          user={full}
          onClose={() => setMade(null)}
        />
      )}
    </>
  );
}

interface PartProps {
  readonly robot: Robot;
  readonly to: string;
  readonly onDone: () => Promise<void>;
}

function Head({ robot, to, onOpen, onDone }: PartProps & { onOpen: (open: Open) => void }) {
  const announce = useAnnounce();
  const { name, description, scopes, disabled, createdAt } = robot;
  const set = async (isDisabled: boolean) => {
    await call(to, { method: "PATCH", body: { disabled: isDisabled } });
    await onDone();
  };
  const toggle = useAction(async () => {
    await set(!disabled);
    const text = disabled ? t("enabled", { name }) : t("isDisabled", { name });
    announce({ text, undo: () => set(disabled) });
  });
  return (
    <>
      <h2>
        {name} {disabled && <Badge kind="warn">{t("disabled")}</Badge>}
      </h2>
      <dl class="facts">
        <dt>{t("description")}</dt>
        <dd>{description || t("none")}</dd>
        <dt>{t("scopes")}</dt>
        <dd>
          <ScopeList scopes={scopes} />
        </dd>
        <dt>{t("created")}</dt>
        <dd>
          <Time at={createdAt} />
        </dd>
      </dl>
      {toggle.error !== null && <Failure error={toggle.error} />}
      <p class="actions above-space">
        <button type="button" class="primary" onClick={() => onOpen("secret")}>
          {t("newSecret")}
        </button>
        <button type="button" onClick={() => onOpen("scopes")}>
          {t("changeRobot")}
        </button>
        <button type="button" disabled={toggle.isBusy} onClick={() => void toggle.run()}>
          {disabled ? t("enable") : t("disable")}
        </button>
        <button type="button" class="danger" onClick={() => onOpen("delete")}>
          {t("delete")}
        </button>
      </p>
    </>
  );
}

function ScopesDialog({ robot, to, onClose, onDone }: PartProps & { onClose: () => void }) {
  const announce = useAnnounce();
  const [description, setDescription] = useState(robot.description);
  const [scopes, setScopes] = useState(robot.scopes);
  const action = useAction(async () => {
    const body = { description, scopes };
    await call(to, { method: "PATCH", body, version: robot.version });
    onClose();
    announce({ text: t("changed", { name: robot.name }) });
    await onDone();
  });
  return (
    <Dialog title={t("changeRobot")} onClose={onClose}>
      <Form action={action} submit={t("save")}>
        <Field
          label={t("description")}
          name="description"
          value={description}
          onValue={setDescription}
          error={action.error}
        />
        <ScopesField
          value={scopes}
          onValue={(value) => setScopes([...value])}
          error={action.error}
          pattern={robot.scopes[0]?.repositories ?? ""}
        />
      </Form>
    </Dialog>
  );
}

interface NewSecretProps {
  readonly to: string;
  readonly onClose: () => void;
  readonly onMade: (token: MadeRobotToken) => void;
}

function NewSecret({ to, onClose, onMade }: NewSecretProps) {
  const [description, setDescription] = useState("");
  const [days, setDays] = useState<Days>("90");
  const action = useAction(async () => {
    const body = { description, expiresInDays: expiresInDays(days) };
    onMade(await call<MadeRobotToken>(`${to}/tokens`, { method: "POST", body }));
  });
  return (
    <Dialog title={t("newSecret")} onClose={onClose}>
      <p>{t("rotateHint")}</p>
      <Form action={action} submit={t("newSecret")}>
        <Field
          label={t("purpose")}
          name="description"
          value={description}
          onValue={setDescription}
          error={action.error}
        />
        <ExpiryChoice value={days} onValue={setDays} />
      </Form>
    </Dialog>
  );
}
