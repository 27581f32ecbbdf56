import { createPool, type ResultSetHeader, type RowDataPacket } from "mysql2/promise";
import { columnsOf, type Database } from "./database.ts";

/** MySQL or MariaDB, through a pool of connections. */
export function openMysql(url: string): Database {
  const pool = createPool({ uri: url, connectionLimit: 10, decimalNumbers: true });

  return {
    async execute(sql) {
      await pool.query(sql);
    },
    async select<Row>(sql: string, values: (string | number | null)[] = []) {
      const [rows] = await pool.execute<RowDataPacket[]>(sql, values);
      return rows as Row[];
    },
    async insertOnce(table, row) {
      const { columns, marks } = columnsOf(row);
      const [result] = await pool.execute<ResultSetHeader>(
        `INSERT IGNORE INTO ${table} (${columns}) VALUES (${marks})`,
        Object.values(row),
      );
      return result.affectedRows === 1;
    },
    close: () => pool.end(),
  };
}
