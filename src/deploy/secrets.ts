/**
 * Secrets, from where the configuration says: read once, held in memory, sent over stdin. No message
 * has a value in it.
 */
import { execFile } from "node:child_process";
import { readFile } from "node:fs/promises";
import { homedir } from "node:os";
import { resolve } from "node:path";
import type { SecretSource } from "../config/environmentSchema.ts";
import { TsugiError } from "../contract/errors.ts";

/** @throws TSUGI_SECRET_UNREADABLE */
export async function readSecrets(
  sources: Record<string, SecretSource>,
  folder: string,
): Promise<Record<string, string>> {
  const values: Record<string, string> = {};
  for (const [name, source] of Object.entries(sources)) {
    const value = await readSecret(name, source, folder);
    // A CI job gets an empty string where a secret is missing: it would go to all hosts unnoticed.
    if (value === "") throw unreadable(name, `${placeOf(source, folder)} is empty`);
    if (value.includes("\0")) throw unreadable(name, "its value holds a NUL byte");
    values[name] = value;
  }
  return values;
}

async function readSecret(name: string, source: SecretSource, folder: string): Promise<string> {
  if ("env" in source) {
    const value = process.env[source.env];
    if (value === undefined) throw unreadable(name, `the variable ${source.env} is not set here`);
    return value;
  }
  if ("file" in source) {
    const path = expandHome(source.file, folder);
    const text = await readFile(path, "utf8").catch((error: NodeJS.ErrnoException) => {
      throw unreadable(name, `${path}: ${error.code}`);
    });
    return withoutLastBreak(text);
  }
  return withoutLastBreak(await outputOf(name, source.command, folder));
}

/** Its stderr is the terminal's: password managers ask there. */
function outputOf(name: string, command: string[], folder: string): Promise<string> {
  const [program, ...args] = command as [string, ...string[]];
  return new Promise((done, fail) => {
    const child = execFile(program, args, { cwd: folder, encoding: "utf8" }, (error, stdout) => {
      if (error === null) done(stdout);
      else fail(unreadable(name, `${program} ended with ${error.code ?? error.signal}`));
    });
    child.stderr?.pipe(process.stderr);
  });
}

/** `~` as people write it in configurations. */
export const expandHome = (path: string, folder: string): string =>
  path.startsWith("~/") ? resolve(homedir(), path.slice(2)) : resolve(folder, path);

function placeOf(source: SecretSource, folder: string): string {
  if ("env" in source) return `the variable ${source.env}`;
  if ("file" in source) return expandHome(source.file, folder);
  return `what ${source.command[0]} prints`;
}

const withoutLastBreak = (text: string): string => text.replace(/\r?\n$/, "");

const unreadable = (name: string, problem: string): TsugiError =>
  new TsugiError("TSUGI_SECRET_UNREADABLE", { name, problem });
