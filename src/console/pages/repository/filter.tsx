import { useLocation } from "preact-iso/router";
import { useEffect, useId, useRef, useState } from "preact/hooks";
import { withQuery } from "../../api/client.ts";

/** How long to wait for the next key before the list is asked for, in milliseconds. */
const TYPING_MS = 200;

/** A field that filters the list as it is typed; the filter is in the address. */
export function Filter({ label }: { label: string }) {
  const { path, query, route } = useLocation();
  const asked = query["filter"] ?? "";
  const [text, setText] = useState(asked);
  const timer = useRef<ReturnType<typeof setTimeout> | null>(null);
  const id = useId();
  useEffect(() => setText(asked), [asked]);
  useEffect(
    () => () => {
      if (timer.current !== null) clearTimeout(timer.current);
    },
    [],
  );
  const apply = (words: string) => {
    if (timer.current !== null) clearTimeout(timer.current);
    // One filter is one entry of the history, however many letters it has.
    route(withQuery(path, { ...query, filter: words, after: null }), asked !== "");
  };
  return (
    <form
      class="field"
      onSubmit={(event) => {
        event.preventDefault();
        apply(text);
      }}
    >
      <label for={id}>{label}</label>
      <input
        id={id}
        type="search"
        value={text}
        autocomplete="off"
        spellcheck={false}
        onInput={(event) => {
          const words = event.currentTarget.value;
          setText(words);
          if (timer.current !== null) clearTimeout(timer.current);
          timer.current = setTimeout(() => apply(words), TYPING_MS);
        }}
      />
    </form>
  );
}
