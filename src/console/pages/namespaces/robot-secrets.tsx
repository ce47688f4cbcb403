import { useState } from "preact/hooks";
import type { RobotToken } from "../../../api/schema/accounts.ts";
import { call } from "../../api/client.ts";
import { Confirm } from "../../components/confirm.tsx";
import { ChangeExpiry } from "../../components/expiry.tsx";
import { Empty, Time } from "../../components/parts.tsx";
import { type Column, Table } from "../../components/table.tsx";
import { useAnnounce } from "../../frame/announcer.tsx";
import { t } from "../../i18n/i18n.ts";

interface RobotSecretsProps {
  readonly tokens: readonly RobotToken[];
  /** The robot's path below /api/v1. */
  readonly to: string;
  readonly onDone: () => Promise<void>;
}

/** The secrets of a robot: when they end, and when they were last used. */
export function RobotSecrets({ tokens, to, onDone }: RobotSecretsProps) {
  const announce = useAnnounce();
  const [prolonged, setProlonged] = useState<RobotToken | null>(null);
  const [revoked, setRevoked] = useState<RobotToken | null>(null);
  if (tokens.length === 0) return <Empty title={t("noSecrets")} />;
  return (
    <>
      <Table
        caption={t("secrets")}
        columns={columnsOf(setProlonged, setRevoked)}
        rows={tokens}
        keyOf={({ id }) => id}
      />
      {prolonged !== null && (
        <ChangeExpiry
          title={t("changeExpiryOf", { name: prolonged.id })}
          to={`${to}/tokens/${prolonged.id}`}
          onClose={() => setProlonged(null)}
          onDone={onDone}
        />
      )}
      {revoked !== null && (
        <Confirm
          title={t("revokeToken", { name: revoked.id })}
          act={t("revoke")}
          onClose={() => setRevoked(null)}
          work={async () => {
            await call(`${to}/tokens/${revoked.id}`, { method: "DELETE" });
            announce({ text: t("revoked", { name: revoked.id }) });
            await onDone();
          }}
        >
          <p>{t("revokeTokenHint")}</p>
        </Confirm>
      )}
    </>
  );
}

function columnsOf(
  prolong: (token: RobotToken) => void,
  revoke: (token: RobotToken) => void,
): readonly Column<RobotToken>[] {
  return [
    {
      key: "id",
      title: t("secretId"),
      isHeading: true,
      cell: ({ id, description }) => (
        <>
          <code>{id}</code> {description}
        </>
      ),
    },
    { key: "expires", title: t("expires"), cell: ({ expiresAt }) => <Time at={expiresAt} /> },
    { key: "used", title: t("lastUsed"), cell: ({ lastUsed }) => <Time at={lastUsed} /> },
    { key: "created", title: t("created"), cell: ({ createdAt }) => <Time at={createdAt} /> },
    {
      key: "actions",
      title: t("actions"),
      cell: (token) => (
        <span class="actions">
          <button type="button" onClick={() => prolong(token)}>
            {t("changeExpiry")}
          </button>
          <button type="button" class="danger" onClick={() => revoke(token)}>
            {t("revoke")}
          </button>
        </span>
      ),
    },
  ];
}
