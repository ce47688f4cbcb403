/** Small parts that all pages use. */
import type { ComponentChildren } from "preact";
import { useEffect, useState } from "preact/hooks";
import { ApiError } from "../api/client.ts";
import { useAnnounce } from "../frame/announcer.tsx";
import { bytes, dateTime, relative, t } from "../i18n/i18n.ts";

/** A time, as long ago; the exact one on hover, and for screen readers. */
export function Time({ at }: { at: string | null }) {
  const [, draw] = useState(0);
  useEffect(() => {
    const timer = setInterval(() => draw((count) => count + 1), 60_000);
    return () => clearInterval(timer);
  }, []);
  if (at === null) return <span class="quiet">{t("never")}</span>;
  return (
    <time dateTime={at} title={dateTime(at)}>
      {relative(at)}
    </time>
  );
}

/** A size in bytes; null where there is too much to count. */
export function Size({ of }: { of: number | null }) {
  return of === null ? (
    <span class="quiet">{t("notCounted")}</span>
  ) : (
    <span title={`${of} B`}>{bytes(of)}</span>
  );
}

/** Hexadecimal digits of a digest that are shown, as docker shows them. */
const SHORT_LENGTH = 12;

export function shortDigest(digest: string): string {
  return digest.slice(0, digest.indexOf(":") + 1 + SHORT_LENGTH);
}

/** A digest, shortened for eyes; all of it on hover, for screen readers, and when it is copied. */
export function Digest({ value, href }: { value: string; href?: string }) {
  const text = (
    <code title={value}>
      <span aria-hidden="true">{shortDigest(value)}</span>
      <span class="hidden">{value}</span>
    </code>
  );
  return (
    <span class="digest">
      {href === undefined ? text : <a href={href}>{text}</a>}
      <Copy text={value} what={t("digest")} />
    </span>
  );
}

/** A button that copies a text and says so. @param what the thing copied, as in "Copy digest" */
export function Copy({ text, what }: { text: string; what: string }) {
  const announce = useAnnounce();
  const copy = async () => {
    await navigator.clipboard.writeText(text);
    announce({ text: t("copied", { what }) });
  };
  return (
    <button
      type="button"
      class="icon copy"
      aria-label={t("copy", { what })}
      title={t("copy", { what })}
      onClick={() => void copy()}
    >
      <svg viewBox="0 0 16 16" width="16" height="16" aria-hidden="true">
        <path
          fill="none"
          stroke="currentColor"
          stroke-width="1.5"
          d="M5.5 5.5h8v8h-8zM10.5 3V2.5h-8v8H3"
        />
      </svg>
    </button>
  );
}

/** A command line that can be copied. */
export function Command({ text, label }: { text: string; label: string }) {
  return (
    <div class="command">
      <pre tabIndex={0} aria-label={label}>
        <code>{text}</code>
      </pre>
      <Copy text={text} what={label} />
    </div>
  );
}

export function Badge({
  children,
  kind = "plain",
  title,
}: {
  children: ComponentChildren;
  kind?: "plain" | "good" | "warn" | "bad";
  title?: string;
}) {
  return (
    <span class={`badge ${kind}`} {...(title === undefined ? {} : { title })}>
      {children}
    </span>
  );
}

/** What is shown where a list has nothing: why, and what to do. */
export function Empty({ title, children }: { title: string; children?: ComponentChildren }) {
  return (
    <div class="empty">
      <p class="empty-title">{title}</p>
      {children}
    </div>
  );
}

/** A failure in the place of what could not be shown. */
export function Failure({
  error,
  retry,
}: {
  error: Error;
  retry?: (() => Promise<void>) | undefined;
}) {
  return (
    <div class="failure" role="alert">
      <p>{sentenceOf(error)}</p>
      {retry !== undefined && (
        <button type="button" onClick={() => void retry()}>
          {t("tryAgain")}
        </button>
      )}
    </div>
  );
}

/** Says what a failure is: the API's own words, which say what to do. */
export function sentenceOf(error: Error): string {
  if (error instanceof TypeError) return t("noAnswer");
  if (error instanceof ApiError && error.status === 401) return t("signInNeeded");
  // The API's words say how to send it again; here a button does.
  if (error instanceof ApiError && error.confirms === "last-owner") return t("lastOwner");
  return error.message;
}

/** A place as large as what will be there, while it is read. */
export function Loading({ rows = 3 }: { rows?: number }) {
  return (
    <div class="loading" role="status" aria-label={t("loading")}>
      {Array.from({ length: rows }, (_, row) => (
        <div key={row} class="bar" />
      ))}
    </div>
  );
}
