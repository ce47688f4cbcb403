import type { ComponentChildren } from "preact";
import type { Page } from "../api/client.ts";
import type { Resource } from "../api/use-api.ts";
import { Shown } from "./resource.tsx";
import { Pager, Table, type TableProps } from "./table.tsx";

type ListProps<Row> = Omit<TableProps<Row>, "rows"> & {
  readonly of: Resource<Page<Row>>;
  /** What stands in the place of a table without rows. */
  readonly empty: ComponentChildren;
};

/** A page of a list of the API as a table, with the links to the others. */
export function List<Row>({ of, empty, ...table }: ListProps<Row>) {
  return (
    <Shown of={of}>
      {({ items, next }) => (
        <>
          {items.length === 0 ? empty : <Table {...table} rows={items} />}
          <Pager next={next} />
        </>
      )}
    </Shown>
  );
}
