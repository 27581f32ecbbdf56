import { DatabaseSync, type StatementSync } from "node:sqlite";
import { columnsOf, type Database } from "./database.ts";

/** The SQLite that is built into Node: nothing to install, nothing to run beside the service. */
export function openSqlite(file: string): Database {
  const database = new DatabaseSync(file);
  // During an upgrade two processes have the file open: WAL lets one read while the other writes.
  database.exec("PRAGMA journal_mode = WAL");
  database.exec("PRAGMA synchronous = NORMAL");
  database.exec("PRAGMA busy_timeout = 5000");

  const statements = new Map<string, StatementSync>();
  const prepare = (sql: string) => {
    const known = statements.get(sql);
    if (known) return known;
    const statement = database.prepare(sql);
    statements.set(sql, statement);
    return statement;
  };

  return {
    async execute(sql) {
      database.exec(sql);
    },
    async select<Row>(sql: string, values: (string | number | null)[] = []) {
      return prepare(sql).all(...values) as Row[];
    },
    async insertOnce(table, row) {
      const { columns, marks } = columnsOf(row);
      const insert = prepare(`INSERT OR IGNORE INTO ${table} (${columns}) VALUES (${marks})`);
      return insert.run(...Object.values(row)).changes === 1;
    },
    async close() {
      database.close();
    },
  };
}
