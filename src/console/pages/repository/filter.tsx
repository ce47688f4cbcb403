import { useLocation } from "preact-iso/router";
import { useEffect, useId, useState } from "preact/hooks";
import { withQuery } from "../../api/client.ts";
import { usePause } from "../../components/pause.ts";

/** A field that filters the list as it is typed; the filter is in the address. */
export function Filter({ label }: { label: string }) {
  const { path, query, route } = useLocation();
  const asked = query["filter"] ?? "";
  const [text, setText] = useState(asked);
  const pause = usePause(path);
  const id = useId();
  useEffect(() => setText(asked), [asked]);
  const apply = (words: string) => {
    pause.cancel();
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
          pause.wait(() => apply(words));
        }}
      />
    </form>
  );
}
