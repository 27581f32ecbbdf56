/** The lines that appear while something goes on. They go to stderr: stdout has the result. */
import { STEPS, type StepText } from "../contract/steps.ts";
import type { ControlEvent } from "../protocol/control.ts";
import { msText, note } from "./output.ts";

/** A supervisor may be of a later version, with steps that this program does not know. */
const TEXTS: Readonly<Record<string, StepText | undefined>> = STEPS;

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
  const reached = text ?? TEXTS[name]?.node ?? "";
  note(`  ${name.padEnd(11)} ${msText(ms ?? 0).padStart(7)}  ${reached}`.trimEnd());
}
