import type { TrustRule } from "../../../api/schema/namespaces.ts";
import { t } from "../../i18n/i18n.ts";

/** What a token must say, a line for each claim. */
export function ClaimList({ claims }: { claims: TrustRule["claims"] }) {
  return (
    <ul class="plain-list">
      {Object.entries(claims).map(([claim, globs]) => (
        <li key={claim}>
          <code>
            {claim}={globs.join(` ${t("or")} `)}
          </code>
        </li>
      ))}
    </ul>
  );
}
