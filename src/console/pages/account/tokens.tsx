import { useLocation } from "preact-iso/router";
import { useState } from "preact/hooks";
import type { MadeToken, Token } from "../../../api/schema/accounts.ts";
import { call, type Page, path, withQuery } from "../../api/client.ts";
import { type Resource, useAction, useApi } from "../../api/use-api.ts";
import { ApiNote } from "../../components/api-note.tsx";
import { Check } from "../../components/check.tsx";
import { Confirm } from "../../components/confirm.tsx";
import { Dialog } from "../../components/dialog.tsx";
import { ChangeExpiry, type Days, ExpiryChoice, expiresInDays } from "../../components/expiry.tsx";
import { Field, Form } from "../../components/form.tsx";
import { Empty, Time } from "../../components/parts.tsx";
import { Shown } from "../../components/resource.tsx";
import { type Scope, ScopeList, ScopesField } from "../../components/scopes.tsx";
import { SecretOnce } from "../../components/secret.tsx";
import { type Column, Pager, Table } from "../../components/table.tsx";
import { useAnnounce } from "../../frame/announcer.tsx";
import { useSession } from "../../frame/session.tsx";
import { t } from "../../i18n/i18n.ts";
import { AccountFrame } from "./frame.tsx";

/** One's own tokens: to create, to prolong and to revoke them. */
export function TokensPage() {
  const { me } = useSession();
  const { query } = useLocation();
  const [isNew, setNew] = useState(false);
  const [made, setMade] = useState<MadeToken | null>(null);
  const tokens = useApi<Page<Token>>(me ? withQuery("/tokens", { after: query["after"] }) : null);
  return (
    <AccountFrame title={t("tokens")}>
      <p>{t("tokensIntro")}</p>
      <p>
        <button type="button" class="primary" onClick={() => setNew(true)}>
          {t("createToken")}
        </button>
      </p>
      <Shown of={tokens}>
        {({ items, next }) =>
          items.length === 0 ? (
            <Empty title={t("noTokens")} />
          ) : (
            <>
              <TokenTable tokens={items} list={tokens} />
              <Pager next={next} />
            </>
          )
        }
      </Shown>
      {isNew && (
        <NewToken
          onClose={() => setNew(false)}
          onMade={(token) => {
            setNew(false);
            setMade(token);
            void tokens.reload();
          }}
        />
      )}
      {made !== null && (
        <SecretOnce
          title={t("tokenMade", { name: made.description })}
          secret={made.secret}
          user={me?.name ?? ""}
          onClose={() => setMade(null)}
        />
      )}
      <ApiNote
        calls={["GET /tokens", "POST /tokens", "PATCH /tokens/{token}", "DELETE /tokens/{token}"]}
        commands={["token list", "token create --push 'acme/*' --expires 90d"]}
      />
    </AccountFrame>
  );
}

function TokenTable({ tokens, list }: { tokens: readonly Token[]; list: Resource<Page<Token>> }) {
  const announce = useAnnounce();
  const [prolonged, setProlonged] = useState<Token | null>(null);
  const [revoked, setRevoked] = useState<Token | null>(null);
  const columns: readonly Column<Token>[] = [
    { key: "for", title: t("purpose"), isHeading: true, cell: ({ description }) => description },
    { key: "scopes", title: t("scopes"), cell: ({ scopes }) => <ScopeList scopes={scopes} /> },
    { key: "expires", title: t("expires"), cell: ({ expiresAt }) => <Time at={expiresAt} /> },
    { key: "used", title: t("lastUsed"), cell: ({ lastUsed }) => <Time at={lastUsed} /> },
    { key: "created", title: t("created"), cell: ({ createdAt }) => <Time at={createdAt} /> },
    {
      key: "actions",
      title: t("actions"),
      cell: (token) => (
        <span class="actions">
          <button type="button" onClick={() => setProlonged(token)}>
            {t("changeExpiry")}
          </button>
          <button type="button" class="danger" onClick={() => setRevoked(token)}>
            {t("revoke")}
          </button>
        </span>
      ),
    },
  ];
  return (
    <>
      <Table caption={t("tokens")} columns={columns} rows={tokens} keyOf={({ id }) => id} />
      {prolonged !== null && (
        <ChangeExpiry
          title={t("changeExpiryOf", { name: prolonged.description })}
          to={path`/tokens/${prolonged.id}`}
          onClose={() => setProlonged(null)}
          onDone={list.reload}
        />
      )}
      {revoked !== null && (
        <Confirm
          title={t("revokeToken", { name: revoked.description })}
          act={t("revoke")}
          onClose={() => setRevoked(null)}
          work={async () => {
            await call(path`/tokens/${revoked.id}`, { method: "DELETE" });
            announce({ text: t("revoked", { name: revoked.description }) });
            await list.reload();
          }}
        >
          <p>{t("revokeTokenHint")}</p>
        </Confirm>
      )}
    </>
  );
}

const EVERYTHING: readonly Scope[] = [{ repositories: "*", actions: ["pull"] }];

function NewToken({
  onClose,
  onMade,
}: {
  onClose: () => void;
  onMade: (token: MadeToken) => void;
}) {
  const [description, setDescription] = useState("");
  const [days, setDays] = useState<Days>("90");
  const [isLimited, setLimited] = useState(true);
  const [scopes, setScopes] = useState(EVERYTHING);
  const action = useAction(async () => {
    const limits = isLimited ? { scopes } : {};
    const body = { description, expiresInDays: expiresInDays(days), ...limits };
    onMade(await call<MadeToken>("/tokens", { method: "POST", body }));
  });
  return (
    <Dialog title={t("createToken")} onClose={onClose}>
      <Form action={action} submit={t("createToken")}>
        <Field
          label={t("purpose")}
          name="description"
          value={description}
          onValue={setDescription}
          error={action.error}
          hint={t("purposeHint")}
          isRequired
        />
        <ExpiryChoice value={days} onValue={setDays} />
        <Check
          label={t("limitToken")}
          value={isLimited}
          onValue={setLimited}
          hint={t("limitTokenHint")}
        />
        {isLimited && (
          <ScopesField value={scopes} onValue={setScopes} error={action.error} pattern="acme/*" />
        )}
      </Form>
    </Dialog>
  );
}
