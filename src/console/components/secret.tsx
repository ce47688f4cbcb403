import { t } from "../i18n/i18n.ts";
import { Dialog } from "./dialog.tsx";
import { Command } from "./parts.tsx";

interface SecretProps {
  readonly title: string;
  readonly secret: string;
  /** The name to log in with. */
  readonly user: string;
  readonly onClose: () => void;
}

/** Shows a new secret. It is kept nowhere: when the dialog is closed, nobody can see it again. */
export function SecretOnce({ title, secret, user, onClose }: SecretProps) {
  return (
    <Dialog title={title} onClose={onClose}>
      <p>{t("secretOnce")}</p>
      <Command text={secret} label={t("secret")} />
      <p>{t("secretUse")}</p>
      <Command
        text={`docker login ${location.host} -u ${user} --password-stdin`}
        label={t("loginCommand")}
      />
      <div class="form-end">
        <button type="button" class="primary" onClick={onClose}>
          {t("secretKept")}
        </button>
      </div>
    </Dialog>
  );
}
