import { t } from "../i18n/i18n.ts";
import { Command } from "./parts.tsx";

interface ApiNoteProps {
  /** Methods and paths below /api/v1, such as "GET /namespaces/acme/members". */
  readonly calls: readonly string[];
  /** What follows "slipway" on the command line; none if it has no such command. */
  readonly commands?: readonly string[];
}

/** Shows how to do what a page does by the API and the command line. */
export function ApiNote({ calls, commands = [] }: ApiNoteProps) {
  return (
    <details class="api-note">
      <summary>{t("byApi")}</summary>
      {calls.map((call) => (
        <Command key={call} text={call.replace(" /", " /api/v1/")} label={t("apiCall")} />
      ))}
      {commands.map((command) => (
        <Command key={command} text={`slipway ${command}`} label={t("cliCommand")} />
      ))}
    </details>
  );
}
