import { LocationProvider, useLocation } from "preact-iso/router";
import { useState } from "preact/hooks";
import { type Language, setLanguage } from "../i18n/i18n.ts";
import { pageOf } from "../routes.ts";
import { Announcer } from "./announcer.tsx";
import { Footer } from "./footer.tsx";
import { Header } from "./header.tsx";
import { SessionProvider, useSession } from "./session.tsx";

/** The console: one page at a time, in a frame that stays. */
export function App() {
  const [drawn, setDrawn] = useState(0);
  const changeLanguage = (to: Language) =>
    void setLanguage(to).then(() => setDrawn((before) => before + 1));
  return (
    // Links to the registry's own endpoints are left to the browser.
    <LocationProvider scope={/^\/(?!v2\/|api\/|assets\/)/}>
      <SessionProvider>
        <Announcer key={drawn}>
          <Header />
          <CurrentPage />
          <Footer onLanguage={changeLanguage} />
        </Announcer>
      </SessionProvider>
    </LocationProvider>
  );
}

function CurrentPage() {
  const { path } = useLocation();
  const { count } = useSession();
  const { page: Page, props } = pageOf(path);
  // A key for each path: another repository's page begins anew, and shows nothing of the one before.
  return <Page key={`${count} ${path}`} {...props} />;
}
