/** What a start script says beside the entry, and what other lines start: nothing is dropped without a word. */
import { existsSync, readFileSync } from "node:fs";
import { join } from "node:path";
import type { Project } from "../pack/project.ts";
import type { BuildReport } from "../pack/report.ts";
import { splitWords } from "./shellWords.ts";
import { readCommandLine, type StartScript } from "./startScript.ts";

export function tellScript(script: StartScript, report: BuildReport): void {
  const { env, before, left, envFiles } = script;
  const variables = Object.entries(env).map(([name, value]) => `${name}=${value}`);
  if (variables.length > 0) {
    report.guess("env", variables.join(" "), "the start script; etc/env on a host overrides it");
  }
  for (const file of envFiles) {
    report.note(`${file} is not packed: what it sets goes into <root>/etc/env on each host`);
  }
  for (const command of before) {
    const words = JSON.stringify(splitWords(command)).replaceAll(",", ", ");
    report.warn(
      `The start script runs "${command}" first, a release does not. Before each upgrade, and once by hand before the first start: appup: { before: [${words}] } in tsugi.config.ts`,
    );
  }
  for (const command of left) {
    report.warn(`The start script also runs "${command}"; a release does not.`);
  }
}

/** A Procfile's lines and `start:worker` scripts that run something else than the service itself. */
export function tellProcesses(project: Project, report: BuildReport): void {
  const scripts = project.packageJson.scripts ?? {};
  const found = new Map<string, string>();
  for (const [name, line] of procfileLines(project.folder)) {
    if (!/^(web|release)$/.test(name)) found.set(name, line);
  }
  for (const [name, line] of Object.entries(scripts)) {
    const kind =
      /^(?:start:)?((?:worker|workers|jobs?|queue|cron|scheduler|consumer|bot)\w*)$/.exec(
        name,
      )?.[1];
    if (kind !== undefined && !found.has(kind)) found.set(kind, line);
  }
  for (const [name, line] of found) {
    const entry = readCommandLine(line, scripts)?.entry;
    if (entry === undefined) continue;
    report.note(
      `"${name}" (${line}) would be a further process: processes: { main: { … }, ${name}: { entry: "${entry}" } } in tsugi.config.ts`,
    );
  }
}

function procfileLines(folder: string): [string, string][] {
  const file = join(folder, "Procfile");
  if (!existsSync(file)) return [];
  return [...readFileSync(file, "utf8").matchAll(/^([A-Za-z0-9_-]+):\s*(.+?)\s*$/gm)].map(
    ([, name, line]) => [name!, line!],
  );
}
