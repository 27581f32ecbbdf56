/** The lines that appear while something goes on. They go to stderr: stdout has the result. */
import type { ControlEvent } from "../protocol/control.ts";
import { msText, note } from "./output.ts";

/** What has been reached when a step has ended; a supervisor may say more about one. */
const REACHED: Record<string, string> = {
  load: "the new version is loaded, its config evaluated",
  rehearse: "a copy of the state was taken over",
  install: "installed: current, not yet permanent",
  freeze: "the old version is frozen",
  carry: "the state is with the new version",
  activate: "the new version serves",
  connections: "the connections have followed",
  probation: "the new version is healthy",
  commit: "made permanent",
  prune: "releases that nobody needs are gone",
  takeOver: "the new supervisor has taken over",
  retire: "the old version has ended",
};

/** Steps that may take long. */
const APPUP = new Set(["before", "after"]);

export function printStep(event: ControlEvent): void {
  if (event.event === "line") note(event.text);
  if (event.event !== "step") return;
  const { name, ms, text } = event;
  if (event.state === "begin" && APPUP.has(name)) {
    note(`  ${name.padEnd(11)}          runs ${text}; its output goes to the log`);
  }
  if (event.state === "begin") return;
  note(
    `  ${name.padEnd(11)} ${msText(ms ?? 0).padStart(7)}  ${text ?? REACHED[name] ?? ""}`.trimEnd(),
  );
}
