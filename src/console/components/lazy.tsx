import type { ComponentType } from "preact";
import { useEffect, useState } from "preact/hooks";
import { Failure, Loading } from "./parts.tsx";

/** Makes a page whose code is loaded when it is first shown, so that the first page of a visit loads less. */
export function lazy<Props extends object>(
  load: () => Promise<ComponentType<Props>>,
): ComponentType<Props> {
  let loaded: ComponentType<Props> | null = null;
  return function LazyPage(props: Props) {
    const [, draw] = useState(0);
    const [error, setError] = useState<Error | null>(null);
    useEffect(() => {
      if (loaded !== null) return;
      load().then((page) => {
        loaded = page;
        draw((count) => count + 1);
      }, setError);
    }, []);
    if (loaded !== null) {
      const Page = loaded;
      return <Page {...props} />;
    }
    return (
      <main id="content" class="page">
        {/* After a deployment the code has another name, which a new page knows. */}
        {error === null ? <Loading rows={6} /> : <Failure error={error} retry={reloadPage} />}
      </main>
    );
  };
}

async function reloadPage(): Promise<void> {
  location.reload();
}
