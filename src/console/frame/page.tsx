import type { ComponentChildren } from "preact";
import { useEffect, useRef } from "preact/hooks";
import { t } from "../i18n/i18n.ts";

/** Whether a page was shown before: the first one leaves the focus where the browser puts it. */
let isFirst = true;

interface PageFrameProps {
  /** The page's heading, and the title of the window. */
  readonly title: string;
  /** What stands above the heading: where the page is. */
  readonly above?: ComponentChildren;
  /** What stands beside the heading. */
  readonly beside?: ComponentChildren;
  readonly children: ComponentChildren;
}

/** The main part of a page. A new page takes the focus to its heading, which a screen reader then reads. */
export function PageFrame({ title, above, beside, children }: PageFrameProps) {
  const heading = useRef<HTMLHeadingElement>(null);
  useEffect(() => {
    document.title = title === "Slipway" ? title : `${title} · Slipway`;
  }, [title]);
  useEffect(() => {
    if (!isFirst) heading.current?.focus();
    isFirst = false;
  }, []);
  return (
    <main id="content" class="page">
      {above !== undefined && (
        <nav class="above" aria-label={t("breadcrumb")}>
          {above}
        </nav>
      )}
      <div class="heading">
        <h1 ref={heading} tabIndex={-1}>
          {title}
        </h1>
        {beside}
      </div>
      {children}
    </main>
  );
}
