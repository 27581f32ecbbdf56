/** A MariaDB server of our own: its data in a temporary folder, on a free port, gone afterwards. */
import { spawn } from "node:child_process";
import { once } from "node:events";
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir, userInfo } from "node:os";
import { join } from "node:path";
import { mustRun } from "./commands.ts";
import { findProgram, needPrograms } from "./debian.ts";
import { accepts, freePort } from "./ports.ts";

const START_MS = 60_000;

export interface MariaDb {
  /** For DATABASE_URL. */
  url: string;
  stop(): Promise<void>;
}

export async function startMariaDb(): Promise<MariaDb> {
  await needPrograms("mariadbd", "mariadb-install-db", "my_print_defaults");
  const folder = mkdtempSync(join(tmpdir(), "tsugi-mariadb-"));
  const data = join(folder, "data");
  const log = join(folder, "log");
  const init = join(folder, "init.sql");
  const port = await freePort();
  writeFileSync(init, initSql);

  const common = ["--no-defaults", `--datadir=${data}`, `--user=${userInfo().username}`];
  const installDb = findProgram("mariadb-install-db")!;
  await mustRun(installDb, [...common, "--skip-test-db"]).catch((error) => {
    rmSync(folder, { recursive: true, force: true });
    throw error;
  });
  const server = spawn(
    findProgram("mariadbd")!,
    [
      ...common,
      `--socket=${join(folder, "socket")}`,
      `--pid-file=${join(folder, "pid")}`,
      `--log-error=${log}`,
      `--init-file=${init}`,
      `--port=${port}`,
      "--bind-address=127.0.0.1",
      "--innodb-flush-log-at-trx-commit=2",
    ],
    { stdio: "ignore" },
  );
  const stop = async () => {
    if (server.exitCode === null) {
      const exited = once(server, "exit");
      server.kill();
      await exited;
    }
    rmSync(folder, { recursive: true, force: true });
  };

  const deadline = performance.now() + START_MS;
  while (!(await accepts(port))) {
    if (server.exitCode !== null || performance.now() > deadline) {
      const why = readFileSync(log, "utf8").slice(-2_000);
      await stop();
      throw new Error(`mariadbd did not start:\n${why}`);
    }
    await new Promise((resolve) => setTimeout(resolve, 50));
  }
  return { url: `mysql://admiral:fleet@127.0.0.1:${port}/admirals`, stop };
}

const initSql = `CREATE DATABASE IF NOT EXISTS admirals;
CREATE USER IF NOT EXISTS 'admiral'@'%' IDENTIFIED BY 'fleet';
GRANT ALL ON admirals.* TO 'admiral'@'%';
`;
