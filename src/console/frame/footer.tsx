import { useState } from "preact/hooks";
import { currentLanguage, type Language, LANGUAGES, t } from "../i18n/i18n.ts";
import { readTheme, setTheme, type Theme, THEMES } from "../theme/theme.ts";

export function Footer({ onLanguage }: { onLanguage: (to: Language) => void }) {
  const [theme, choose] = useState<Theme>(readTheme());
  const names: Readonly<Record<Theme, string>> = {
    system: t("themeSystem"),
    light: t("themeLight"),
    dark: t("themeDark"),
  };
  return (
    <footer class="bottom">
      <label>
        {t("language")}{" "}
        <select
          value={currentLanguage()}
          onChange={(event) => onLanguage(event.currentTarget.value as Language)}
        >
          {Object.entries(LANGUAGES).map(([tag, name]) => (
            <option key={tag} value={tag} lang={tag}>
              {name}
            </option>
          ))}
        </select>
      </label>
      <label>
        {t("theme")}{" "}
        <select
          value={theme}
          onChange={(event) => {
            const chosen = event.currentTarget.value as Theme;
            choose(chosen);
            setTheme(chosen);
          }}
        >
          {THEMES.map((one) => (
            <option key={one} value={one}>
              {names[one]}
            </option>
          ))}
        </select>
      </label>
      <a href="/api/v1/openapi.json">{t("api")}</a>
    </footer>
  );
}
