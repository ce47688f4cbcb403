import { useState } from "preact/hooks";
import { Choice } from "../../components/form.tsx";
import { Command } from "../../components/parts.tsx";
import { t } from "../../i18n/i18n.ts";
import { keep, read } from "../../theme/theme.ts";
import { type ClientName, CLIENTS, isClientName } from "./clients.ts";

const CLIENT_KEY = "slipway-client";
const BY_KEY = "slipway-pull-by";

interface PullCommandProps {
  readonly name: string;
  readonly tag: string | null;
  readonly digest: string | null;
  readonly isChart?: boolean;
}

/** The command that pulls, for the client that the reader uses, which this browser keeps. */
export function PullCommand({ name, tag, digest, isChart = false }: PullCommandProps) {
  const kept = read(CLIENT_KEY);
  const [client, setClient] = useState<ClientName>(
    isChart ? "helm" : isClientName(kept) ? kept : "docker",
  );
  const [by, setBy] = useState<"tag" | "digest">(read(BY_KEY) === "digest" ? "digest" : "tag");
  const byDigest = digest !== null && (by === "digest" || tag === null);
  const chosen = CLIENTS[client];
  const source = { host: location.host, name, digest, tag: byDigest ? null : tag };
  const hint = "hint" in chosen ? chosen.hint : null;
  return (
    <div class="pull">
      <div class="filters">
        <Choice
          label={t("pullWith")}
          value={client}
          options={Object.entries(CLIENTS).map(([key, { title }]) => [key as ClientName, title])}
          onValue={(next) => {
            setClient(next);
            keep(CLIENT_KEY, next);
          }}
        />
        {tag !== null && digest !== null && (
          <Choice
            label={t("pullBy")}
            value={by}
            options={[
              ["tag", t("byTag")],
              ["digest", t("byDigest")],
            ]}
            onValue={(next) => {
              setBy(next);
              keep(BY_KEY, next);
            }}
          />
        )}
      </div>
      <Command text={chosen.command(source)} label={t("pullCommand")} />
      {hint !== null && <p class="hint">{t(hint)}</p>}
    </div>
  );
}
