/** What the command of an app says beside its entry: nothing is dropped without a word. Pure. */
import { splitWords } from "../start/shellWords.ts";
import type { Pm2Start } from "./start.ts";
import type { Note } from "./uncarried.ts";

export function startNotes(name: string, start: Pm2Start): Note[] {
  const { script, ranIn, folder, isBun } = start;
  const notes: Note[] = [];
  const add = (what: string, why: string, todo: string) =>
    notes.push({ what: `${name}: ${what}`, why, todo });
  if (ranIn !== undefined) {
    add(
      ranIn === "." ? "no cwd" : `cwd ${ranIn}`,
      `a release works in the folder of its package.json, ${folder}`,
      "paths that it has relative to the other: relative to this one, or from import.meta.dirname",
    );
  }
  if (isBun) {
    add(
      "bun",
      "a release carries Node, which runs what Bun does but for Bun.serve, bun:sqlite and the like",
      "where the code uses those: node:http or a framework, node:sqlite",
    );
  }
  for (const command of script.before) {
    const words = JSON.stringify(splitWords(command)).replaceAll(",", ", ");
    add(command, "a release does not run it first", `appup: { before: [${words}] }`);
  }
  for (const command of script.left) {
    add(command, "a release does not run it", "a process of its own, if it stays: processes");
  }
  for (const file of script.envFiles) {
    add(
      file,
      "it is not packed",
      "what it sets goes into <root>/etc/env on each host, mode 0600, KEY=value a line",
    );
  }
  return notes;
}
