export type Value = string | number | null;

/** The little that this service asks of a database, so that SQLite and MySQL can both be one. */
export interface Database {
  execute(sql: string): Promise<void>;
  select<Row>(sql: string, values?: Value[]): Promise<Row[]>;
  /** Inserts a row unless its primary key is there already; says whether it was new. */
  insertOnce(table: string, row: Record<string, Value>): Promise<boolean>;
  close(): Promise<void>;
}

/** The two SQL lists that an insert of this row needs: its columns, and as many placeholders. */
export const columnsOf = (row: Record<string, Value>) => {
  const names = Object.keys(row);
  return { columns: names.join(", "), marks: names.map(() => "?").join(", ") };
};
