import { useLocation } from "preact-iso/router";
import type { ComponentChildren } from "preact";
import { useState } from "preact/hooks";
import { type Page, type Query, withQuery } from "../../api/client.ts";
import { useApi } from "../../api/use-api.ts";
import { Shown } from "../../components/resource.tsx";
import { Pager, Table, type TableProps } from "../../components/table.tsx";
import { hasRole, useSession } from "../../frame/session.tsx";
import { selectColumn, SelectionBar, useSelection } from "./selection.tsx";

const PAGE_ROWS = 50;

type ContentListProps<Row> = Omit<TableProps<Row>, "rows"> & {
  /** The repository. */
  readonly name: string;
  /** The list, below /api/v1, and its query without the page. */
  readonly list: string;
  readonly query: Query;
  /** Stands for a page without rows. @param isEnd whether no page follows */
  readonly empty: (isEnd: boolean) => ComponentChildren;
  /** Deletes what was chosen. */
  readonly dialog: (rows: readonly Row[], deletion: Deletion) => ComponentChildren;
};

export interface Deletion {
  readonly name: string;
  readonly onClose: () => void;
  readonly onChange: () => void;
}

/** A page of what is in a repository; maintainers choose rows of it, also on several pages, and delete them. */
export function ContentList<Row>(props: ContentListProps<Row>) {
  const { name, list, query, empty, dialog, ...table } = props;
  const { columns, keyOf } = table;
  const { after = "" } = useLocation().query;
  const { me } = useSession();
  const found = useApi<Page<Row>>(withQuery(list, { ...query, limit: PAGE_ROWS, after }));
  const selection = useSelection(keyOf);
  const [isDeleting, setDeleting] = useState(false);
  const mayDelete = hasRole(me, "maintainer", name);
  const onChange = () => {
    selection.clear();
    void found.reload();
  };
  return (
    <>
      <Shown of={found} rows={8}>
        {({ items, next }) => (
          <>
            {mayDelete && (
              <SelectionBar
                selection={selection}
                shown={items}
                list={list}
                query={query}
                onDelete={() => setDeleting(true)}
              />
            )}
            {items.length === 0 ? (
              empty(next === null)
            ) : (
              <Table
                {...table}
                columns={mayDelete ? [selectColumn(selection, keyOf), ...columns] : columns}
                rows={items}
              />
            )}
            <Pager next={next} />
          </>
        )}
      </Shown>
      {isDeleting && dialog(selection.rows, { name, onClose: () => setDeleting(false), onChange })}
    </>
  );
}
