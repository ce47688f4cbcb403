import { useEffect, useRef, useState } from "preact/hooks";
import { call, type Page, type Query, withQuery } from "../../api/client.ts";
import { useAction } from "../../api/use-api.ts";
import { useLatest } from "../../components/latest.ts";
import { Failure } from "../../components/parts.tsx";
import type { Column } from "../../components/table.tsx";
import { useAnnounce } from "../../frame/announcer.tsx";
import { t } from "../../i18n/i18n.ts";

/** The most rows that can be chosen at once: they are deleted while the reader waits. */
const MAX_CHOSEN = 1000;
const PAGE_ROWS = 100;

/** Rows that were chosen, by their names; they stay chosen on other pages of the list. */
export interface Selection<Row> {
  readonly rows: readonly Row[];
  readonly has: (row: Row) => boolean;
  readonly set: (rows: readonly Row[], isChosen: boolean) => void;
  readonly clear: () => void;
}

export function useSelection<Row>(keyOf: (row: Row) => string): Selection<Row> {
  const [chosen, setChosen] = useState<ReadonlyMap<string, Row>>(new Map());
  return {
    rows: [...chosen.values()],
    has: (row) => chosen.has(keyOf(row)),
    set: (rows, isChosen) =>
      setChosen((before) => {
        const after = new Map(before);
        for (const row of rows) {
          if (!isChosen) after.delete(keyOf(row));
          else if (after.size < MAX_CHOSEN) after.set(keyOf(row), row);
        }
        return after;
      }),
    clear: () => setChosen(new Map()),
  };
}

/** The column of boxes. @param nameOf what the box's row is called */
export function selectColumn<Row>(
  selection: Selection<Row>,
  nameOf: (row: Row) => string,
): Column<Row> {
  return {
    key: "select",
    title: t("select"),
    cell: (row) => (
      <input
        type="checkbox"
        aria-label={t("selectOne", { what: nameOf(row) })}
        checked={selection.has(row)}
        onChange={(event) => selection.set([row], event.currentTarget.checked)}
      />
    ),
  };
}

interface SelectionBarProps<Row> {
  readonly selection: Selection<Row>;
  readonly shown: readonly Row[];
  /** The list that the page shows, below /api/v1, and its query without the page. */
  readonly list: string;
  readonly query: Query;
  readonly onDelete: () => void;
}

/** Chooses rows of this page, or all that match the filter, and deletes them. */
export function SelectionBar<Row>(props: SelectionBarProps<Row>) {
  const { selection, shown, list, query, onDelete } = props;
  const all = useChooseAll(selection, list, query);
  const isPageChosen = shown.length > 0 && shown.every(selection.has);
  const count = selection.rows.length;
  const bar = useFocusWhenEmpty(count);
  return (
    <>
      <div
        ref={bar}
        class="actions selection"
        role="group"
        aria-label={t("selection")}
        tabIndex={-1}
      >
        <button
          type="button"
          disabled={shown.length === 0}
          onClick={() => selection.set(shown, !isPageChosen)}
        >
          {isPageChosen ? t("unselectPage") : t("selectPage")}
        </button>
        <button
          type="button"
          disabled={all.isBusy || shown.length === 0}
          onClick={() => void all.run()}
        >
          {all.isBusy ? t("working") : t("selectAll")}
        </button>
        <button type="button" disabled={count === 0} onClick={selection.clear}>
          {t("selectNone")}
        </button>
        <button type="button" class="danger" disabled={count === 0} onClick={onDelete}>
          {t("deleteChosen")}
        </button>
        <span role="status" class="quiet">
          {t("chosen", { count })}
        </span>
      </div>
      {all.error !== null && <Failure error={all.error} />}
    </>
  );
}

/** Chooses all that match the filter, unless the reader has changed it when they are read. */
function useChooseAll<Row>(selection: Selection<Row>, list: string, query: Query) {
  const announce = useAnnounce();
  const asked = withQuery(list, query);
  const latest = useLatest(asked);
  return useAction(async () => {
    const found: Row[] = [];
    let after: string | null = "";
    while (after !== null && found.length < MAX_CHOSEN) {
      const page: Page<Row> = await call(withQuery(list, { ...query, limit: PAGE_ROWS, after }));
      if (latest.current !== asked) return;
      found.push(...page.items);
      after = page.next;
    }
    selection.set(found, true);
    if (after !== null) announce({ text: t("mostChosen", { count: MAX_CHOSEN }) });
  });
}

/** Keeps the focus in the bar when its buttons are disabled because nothing is chosen any more. */
function useFocusWhenEmpty(count: number) {
  const bar = useRef<HTMLDivElement>(null);
  const before = useRef(count);
  useEffect(() => {
    const isEmptied = before.current > 0 && count === 0;
    before.current = count;
    const { activeElement } = document;
    const isLost = activeElement === document.body || activeElement?.matches(":disabled");
    if (isEmptied && isLost === true) bar.current?.focus();
  }, [count]);
  return bar;
}
