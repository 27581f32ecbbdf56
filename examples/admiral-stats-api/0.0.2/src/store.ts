import type { Database } from "./database/database.ts";
import { openMysql } from "./database/mysql.ts";
import { openSqlite } from "./database/sqlite.ts";

/** What an admiral imports after a sortie. The client chooses the id, so that it may try again. */
export interface Result {
  id: string;
  admiral: string;
  victories: number;
  experience: number;
}

export interface Career {
  imports: number;
  victories: number;
  experience: number;
}

/** All results ever imported, in the database. */
export class Store {
  readonly #database: Database;

  private constructor(database: Database) {
    this.#database = database;
  }

  static async open(url: string): Promise<Store> {
    const database = openDatabase(url);
    await database.execute(
      `CREATE TABLE IF NOT EXISTS results (
         id VARCHAR(64) PRIMARY KEY,
         admiral VARCHAR(64) NOT NULL,
         victories INTEGER NOT NULL,
         experience INTEGER NOT NULL
       )`,
    );
    return new Store(database);
  }

  /** False if this id was imported before. */
  add(result: Result): Promise<boolean> {
    const { id, admiral, victories, experience } = result;
    return this.#database.insertOnce("results", { id, admiral, victories, experience });
  }

  async career(admiral: string): Promise<Career | undefined> {
    const career = await this.#sum("WHERE admiral = ?", admiral);
    return career.imports > 0 ? career : undefined;
  }

  total(): Promise<Career> {
    return this.#sum("");
  }

  async ping(): Promise<void> {
    await this.#database.select("SELECT 1");
  }

  close(): Promise<void> {
    return this.#database.close();
  }

  async #sum(where: string, ...values: string[]): Promise<Career> {
    const [career] = await this.#database.select<Career>(
      `SELECT COUNT(*) AS imports,
              COALESCE(SUM(victories), 0) AS victories,
              COALESCE(SUM(experience), 0) AS experience
         FROM results ${where}`,
      values,
    );
    return { ...career! };
  }
}

function openDatabase(url: string): Database {
  if (/^(mysql|mariadb):/.test(url)) return openMysql(url.replace(/^mariadb:/, "mysql:"));
  if (url.startsWith("sqlite:")) return openSqlite(url.slice("sqlite:".length));
  throw new Error("DATABASE_URL has to begin with mysql:, mariadb: or sqlite:");
}
