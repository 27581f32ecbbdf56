/** Heroku's file of processes: a name and a line of shell each. */
import { existsSync, readFileSync } from "node:fs";
import { join } from "node:path";

export function procfileLines(folder: string): [name: string, line: string][] {
  const file = join(folder, "Procfile");
  if (!existsSync(file)) return [];
  return [...readFileSync(file, "utf8").matchAll(/^([A-Za-z0-9_-]+):\s*(.+?)\s*$/gm)].map(
    ([, name, line]) => [name!, line!],
  );
}
