import { useLocation } from "preact-iso/router";
import { useEffect, useRef, useState } from "preact/hooks";
import { withQuery } from "../api/client.ts";
import { moveAmongFound } from "../components/arrows.ts";
import { usePause } from "../components/pause.ts";
import { t } from "../i18n/i18n.ts";
import { useSession } from "./session.tsx";

export function Header() {
  const { me, signOut } = useSession();
  const { path, url, route } = useLocation();
  const next = path === "/login" ? "/" : url;
  return (
    <header class="top">
      <a class="skip" href="#content">
        {t("skipToContent")}
      </a>
      <a class="brand" href="/">
        <svg viewBox="0 0 32 32" width="24" height="24" aria-hidden="true">
          <rect x="2" y="4" width="28" height="24" rx="3" fill="currentColor" />
          <path class="brand-mark" d="M8 10h16v4H8zm4 8h12v4H12z" />
        </svg>
        Slipway
      </a>
      <SearchBox />
      <nav aria-label={t("mainNavigation")}>
        {me && <NavLink href="/namespaces" text={t("namespaces")} path={path} />}
        {me?.admin && <NavLink href="/admin" text={t("administration")} path={path} />}
        {me && <NavLink href="/account" text={me.name} path={path} />}
        {me && (
          <button type="button" class="plain" onClick={() => void signOut().then(() => route("/"))}>
            {t("signOut")}
          </button>
        )}
        {me === null && path !== "/login" && (
          <a class="button" href={withQuery("/login", { next: next === "/" ? null : next })}>
            {t("signIn")}
          </a>
        )}
      </nav>
    </header>
  );
}

function NavLink({ href, text, path }: { href: string; text: string; path: string }) {
  const isCurrent = path === href || path.startsWith(`${href}/`);
  return (
    <a href={href} {...(isCurrent ? { "aria-current": "page" as const } : {})}>
      {text}
    </a>
  );
}

/** The search of the home page, from everywhere; Ctrl-K or "/" leads there. */
function SearchBox() {
  const { path, query, route } = useLocation();
  const input = useRef<HTMLInputElement>(null);
  const asked = path === "/" ? (query["q"] ?? "") : "";
  const [text, setText] = useState(asked);
  const pause = usePause(path);
  useEffect(() => setText(asked), [asked]);
  useEffect(() => {
    const onKey = (event: KeyboardEvent) => {
      const isTyping = /^(?:INPUT|TEXTAREA|SELECT)$/.test((event.target as Element).tagName);
      const wants =
        (event.key === "k" && (event.ctrlKey || event.metaKey)) || (event.key === "/" && !isTyping);
      if (!wants) return;
      event.preventDefault();
      input.current?.focus();
      input.current?.select();
    };
    addEventListener("keydown", onKey);
    return () => removeEventListener("keydown", onKey);
  }, []);
  const search = (words: string) => {
    pause.cancel();
    // One search is one entry of the history, however many letters it has.
    route(
      withQuery("/", { ...(path === "/" ? query : {}), q: words, after: null }),
      path === "/" && asked !== "",
    );
  };
  return (
    <form
      role="search"
      class="search"
      onSubmit={(event) => {
        event.preventDefault();
        search(text);
      }}
    >
      <input
        ref={input}
        type="search"
        value={text}
        aria-label={t("searchRepositories")}
        placeholder={t("searchRepositories")}
        autocomplete="off"
        spellcheck={false}
        onKeyDown={moveAmongFound}
        onInput={(event) => {
          const words = event.currentTarget.value;
          setText(words);
          pause.wait(() => search(words));
        }}
      />
      <kbd aria-hidden="true">Ctrl K</kbd>
    </form>
  );
}
