import { useLocation } from "preact-iso/router";
import { useState } from "preact/hooks";
import { useAction } from "../api/use-api.ts";
import { Field, Form } from "../components/form.tsx";
import { PageFrame } from "../frame/page.tsx";
import { useSession } from "../frame/session.tsx";
import { t } from "../i18n/i18n.ts";

/** Signs in by name and password, and goes on to where the visitor wanted to go. */
export function LoginPage() {
  const { signIn } = useSession();
  const { query, route } = useLocation();
  const [name, setName] = useState("");
  const [password, setPassword] = useState("");
  const action = useAction(async () => {
    await signIn(name, password);
    route(localPath(query["next"] ?? "/"), true);
  });
  return (
    <PageFrame title={t("signIn")}>
      <div class="narrow">
        <Form action={action} submit={t("signIn")}>
          <Field
            label={t("userName")}
            name="name"
            value={name}
            onValue={setName}
            error={action.error}
            autocomplete="username"
            isRequired
          />
          <Field
            label={t("password")}
            name="password"
            type="password"
            value={password}
            onValue={setPassword}
            error={action.error}
            autocomplete="current-password"
            isRequired
          />
        </Form>
      </div>
    </PageFrame>
  );
}

/** Returns the path if it is of this origin, else "/": a link to the sign-in page must not lead elsewhere. */
function localPath(next: string): string {
  const url = URL.parse(next, location.origin);
  if (url === null || url.origin !== location.origin) return "/";
  // "/.//host" is a path of this origin, and its "//host" none.
  return url.pathname.replace(/^\/+/, "/") + url.search;
}
