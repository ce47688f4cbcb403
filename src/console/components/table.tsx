import type { ComponentChildren } from "preact";
import { useLocation } from "preact-iso/router";
import { withQuery } from "../api/client.ts";
import { t } from "../i18n/i18n.ts";

export interface Column<Row> {
  readonly key: string;
  readonly title: string;
  readonly cell: (row: Row) => ComponentChildren;
  /** The value of `sort` that sorts by it on the server, and the order that is tried first; none if it cannot. */
  readonly sort?: { readonly by: string; readonly first: "asc" | "desc" };
  /** Numbers stand at the end of their column. */
  readonly isNumber?: boolean;
  /** Whether the cell is the row's heading. */
  readonly isHeading?: boolean;
}

export interface TableProps<Row> {
  readonly caption: string;
  readonly columns: readonly Column<Row>[];
  readonly rows: readonly Row[];
  readonly keyOf: (row: Row) => string;
  /** The field and order that the server sorts by when the address says none. */
  readonly sorted?: { readonly by: string; readonly order: "asc" | "desc" };
}

/** A table whose sorting is in the address: links and the back button keep it. On narrow screens each row is a card. */
export function Table<Row>({ caption, columns, rows, keyOf, sorted }: TableProps<Row>) {
  const { query } = useLocation();
  const by = query["sort"] ?? sorted?.by ?? null;
  const order = query["order"] ?? sorted?.order ?? "asc";
  return (
    <div class="table-scroll" tabIndex={0} role="region" aria-label={caption}>
      <table>
        <caption class="hidden">{caption}</caption>
        <thead>
          <tr>
            {columns.map((column) => (
              <HeadCell key={column.key} column={column} by={by} order={order} />
            ))}
          </tr>
        </thead>
        <tbody>
          {rows.map((row) => (
            <tr key={keyOf(row)}>
              {columns.map(({ key, title, cell, isNumber, isHeading }) => {
                const Cell = isHeading === true ? "th" : "td";
                return (
                  <Cell
                    key={key}
                    data-title={title}
                    {...(isHeading === true ? { scope: "row" as const } : {})}
                    {...(isNumber === true ? { class: "number" } : {})}
                  >
                    {cell(row)}
                  </Cell>
                );
              })}
            </tr>
          ))}
        </tbody>
      </table>
    </div>
  );
}

function HeadCell<Row>({
  column,
  by,
  order,
}: {
  column: Column<Row>;
  by: string | null;
  order: string;
}) {
  const { path, query, route } = useLocation();
  const { title, sort, isNumber } = column;
  const isCurrent = sort !== undefined && sort.by === by;
  const ariaSort = isCurrent ? (order === "asc" ? "ascending" : "descending") : undefined;
  const click = () => {
    if (sort === undefined) return;
    const turned = order === "asc" ? "desc" : "asc";
    const next = isCurrent ? turned : sort.first;
    route(withQuery(path, { ...query, sort: sort.by, order: next, after: null }));
  };
  return (
    <th
      scope="col"
      {...(ariaSort === undefined ? {} : { "aria-sort": ariaSort })}
      {...(isNumber === true ? { class: "number" } : {})}
    >
      {sort === undefined ? (
        title
      ) : (
        <button type="button" class="sort" onClick={click}>
          {title}
          <span aria-hidden="true">{isCurrent ? (order === "asc" ? " ↑" : " ↓") : ""}</span>
        </button>
      )}
    </th>
  );
}

/** The links between the pages of a list. The cursor is in the address, and the way back is the browser's. */
export function Pager({ next }: { next: string | null }) {
  const { path, query } = useLocation();
  const isFirst = query["after"] === undefined || query["after"] === "";
  if (isFirst && next === null) return null;
  return (
    <nav class="pager" aria-label={t("pages")}>
      {!isFirst && <a href={withQuery(path, { ...query, after: null })}>{t("firstPage")}</a>}
      {next !== null && <a href={withQuery(path, { ...query, after: next })}>{t("nextPage")}</a>}
    </nav>
  );
}
