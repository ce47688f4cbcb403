import { useState } from "preact/hooks";
import { call } from "../api/client.ts";
import { useAction } from "../api/use-api.ts";
import { useAnnounce } from "../frame/announcer.tsx";
import { number, t } from "../i18n/i18n.ts";
import { Dialog } from "./dialog.tsx";
import { Choice, Form } from "./form.tsx";

/** A number of days, or "never". */
export type Days = "7" | "30" | "90" | "180" | "365" | "never";

const OFFERED: readonly Days[] = ["7", "30", "90", "180", "365", "never"];

/** Returns the value of the API's field `expiresInDays`. */
export function expiresInDays(days: Days): number | null {
  return days === "never" ? null : Number(days);
}

export function ExpiryChoice({ value, onValue }: { value: Days; onValue: (value: Days) => void }) {
  return (
    <Choice
      label={t("expires")}
      value={value}
      options={OFFERED.map((days) => [
        days,
        days === "never" ? t("never") : t("inDays", { days: number(Number(days)) }),
      ])}
      onValue={onValue}
      {...(value === "never" ? { hint: t("neverHint") } : {})}
    />
  );
}

/** Asks when a secret is to expire. @param to the secret's path below /api/v1 */
export function ChangeExpiry({
  title,
  to,
  onClose,
  onDone,
}: {
  title: string;
  to: string;
  onClose: () => void;
  onDone: () => Promise<void>;
}) {
  const announce = useAnnounce();
  const [days, setDays] = useState<Days>("90");
  const action = useAction(async () => {
    await call(to, { method: "PATCH", body: { expiresInDays: expiresInDays(days) } });
    onClose();
    announce({ text: t("expiryChanged") });
    await onDone();
  });
  return (
    <Dialog title={title} onClose={onClose}>
      <Form action={action} submit={t("save")}>
        <ExpiryChoice value={days} onValue={setDays} />
      </Form>
    </Dialog>
  );
}
