/** The lines that appear while something goes on. They go to stderr: stdout has the result. */
import type { ControlEvent } from "../../protocol/control.ts";
import { msText, note } from "./output.ts";

export function printStep(event: ControlEvent): void {
  if (event.event === "line") note(event.text);
  if (event.event !== "step") return;
  const { name, state, ms, text } = event;
  if (state === "end") {
    note(`  ${name.padEnd(12)} ${msText(ms ?? 0).padStart(8)}${text ? `  ${text}` : ""}`.trimEnd());
  } else if (text) {
    note(`  ${name.padEnd(12)} ${"…".padStart(8)}  ${text}`);
  }
}
