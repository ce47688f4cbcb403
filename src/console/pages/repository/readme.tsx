import { useEffect, useRef, useState } from "preact/hooks";
import { Loading } from "../../components/parts.tsx";
import { t } from "../../i18n/i18n.ts";

/** The address of this page with the images of other sites, which the page's policy lets in when it is loaded anew. */
function withImages(): string {
  const url = new URL(location.href);
  url.searchParams.set("images", "remote");
  return url.pathname + url.search;
}

/** Keeps the page whose images the reader asked for, until the window is closed. */
const CONSENT_KEY = "slipway-images";

/** The address alone is no consent: a link of another site may have it. */
function hasConsent(): boolean {
  try {
    const isAsked = new URLSearchParams(location.search).get("images") === "remote";
    return isAsked && sessionStorage.getItem(CONSENT_KEY) === location.pathname;
  } catch {
    // A browser that keeps nothing for this site loads no images.
    return false;
  }
}

function consent(): void {
  sessionStorage.setItem(CONSENT_KEY, location.pathname);
  location.assign(withImages());
}

interface ReadmeProps {
  readonly text: string;
  /** Whether the page can be loaded anew, with images: not while something is being written. */
  readonly canReload?: boolean;
}

/** A readme. Its images are not loaded until the reader asks: a load tells the image's site who reads. */
export function Readme({ text, canReload = true }: ReadmeProps) {
  const place = useRef<HTMLDivElement>(null);
  const [hidden, setHidden] = useState<number | null>(null);
  const [error, setError] = useState<Error | null>(null);
  const allowed = hasConsent();
  useEffect(() => {
    let isCurrent = true;
    const show = async () => {
      const { render } = await import("../../markdown/render.ts");
      if (!isCurrent) return;
      const texts = { image: t("readmeImage"), table: t("readmeTable") };
      const { content, hiddenImages } = render(text, { withImages: allowed, texts });
      place.current?.replaceChildren(content);
      setHidden(hiddenImages);
    };
    show().catch((failure: unknown) => setError(failure as Error));
    return () => {
      isCurrent = false;
    };
  }, [text, allowed]);
  return (
    <>
      {hidden !== null && hidden > 0 && (
        <p class="consent">
          <span>{t("imagesLeftOut", { count: hidden })}</span>
          {canReload && (
            <button type="button" onClick={consent}>
              {t("loadImages")}
            </button>
          )}
        </p>
      )}
      {hidden === null && error === null && <Loading rows={4} />}
      {/* The chunk of a console that was replaced meanwhile is gone: the text is readable as it is. */}
      {error !== null && <pre tabIndex={0}>{text}</pre>}
      <div class="readme" ref={place} />
    </>
  );
}
