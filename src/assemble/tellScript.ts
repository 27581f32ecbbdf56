/** What a start script says beside the entry, and what other lines start: nothing is dropped without a word. */

import type { BuildLog } from "../pack/log.ts";
import type { Project } from "../pack/project.ts";
import { procfileLines } from "./procfile.ts";
import { scriptsOf } from "./start/packageScripts.ts";
import { splitWords } from "./start/shellWords.ts";
import { readCommandLine, type StartScript } from "./start/startScript.ts";

export function tellScript(script: StartScript, project: Project, log: BuildLog): void {
  const { env, before, left, envFiles, folder } = script;
  const variables = Object.entries(env).map(([name, value]) => `${name}=${value}`);
  if (variables.length > 0) {
    log.guess("env", variables.join(" "), "the start script; etc/env on a host overrides it");
  }
  for (const file of envFiles) {
    log.note(`${file} is not packed: what it sets goes into <root>/etc/env on each host`);
  }
  if (folder !== undefined) {
    log.note(
      `The start script goes to ${folder} first; a release's working directory is the project's own folder: a relative path that the code opens is looked for there`,
    );
  }
  for (const command of before) tellBefore("The start script", command, log);
  const named = namedLines(project).map(([, line]) => entryOf(line, project));
  const known = [script.entry, ...named];
  for (const command of left) {
    const entry = entryOf(command, project);
    // `concurrently npm:start:web npm:start:jobs`: told by its name. `node -r a b.js || node b.js`: itself.
    if (entry !== undefined && known.includes(entry)) continue;
    if (entry !== undefined) tellProcess("other", command, entry, log);
    else log.warn(`The start script also runs "${command}"; a release does not.`);
  }
}

function tellBefore(who: string, command: string, log: BuildLog): void {
  const words = JSON.stringify(splitWords(command)).replaceAll(",", ", ");
  log.warn(
    `${who} runs "${command}" first, a release does not. Before each upgrade, and once by hand before the first start: appup: { before: [${words}] } in tsugi.config.ts`,
  );
}

const tellProcess = (name: string, line: string, entry: string, log: BuildLog) =>
  log.note(
    `"${name}" (${line}) would be a further process: processes: { main: { … }, ${name}: { entry: "${entry}" } } in tsugi.config.ts`,
  );

const entryOf = (line: string, { packageJson }: Project): string | undefined =>
  readCommandLine(line, scriptsOf(packageJson))?.entry;

const WORKER =
  /^(?:start:)?((?:worker|workers|jobs?|queue|cron|scheduler|consumer|bot)\w*)(?::(?:prod|start))?$/;

export function tellProcesses(project: Project, log: BuildLog): void {
  const release = procfileLines(project.folder).filter(([name]) => name === "release");
  for (const [, line] of release) tellBefore("The Procfile", line, log);
  for (const [name, line] of namedLines(project)) {
    const entry = entryOf(line, project);
    if (entry !== undefined) tellProcess(name, line, entry, log);
  }
}

/** A Procfile's lines and `start:worker` scripts that run something else than the service itself. */
function namedLines(project: Project): [string, string][] {
  const found = new Map(
    procfileLines(project.folder).filter(([name]) => name !== "release" && name !== "web"),
  );
  for (const [name, line] of Object.entries(scriptsOf(project.packageJson))) {
    const kind = WORKER.exec(name)?.[1];
    if (kind !== undefined && !found.has(kind)) found.set(kind, line);
  }
  return [...found];
}
