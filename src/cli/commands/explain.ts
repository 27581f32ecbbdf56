import type { ErrorDefinition } from "../../contract/errors/define.ts";
import { ERRORS, TsugiError } from "../../contract/errors.ts";
import { EXITS } from "../../contract/exits.ts";
import { wrapLines } from "../../protocol/wrap.ts";
import type { Explained } from "../documents.ts";
import { printResult } from "../output.ts";

const NEAR = 3;

/** Words in braces stay: what fills them is known where the error is thrown. */
export function explainCommand(asked: string): void {
  const upper = asked.toUpperCase();
  const code = upper.startsWith("TSUGI_") ? upper : `TSUGI_${upper}`;
  if (!Object.hasOwn(ERRORS, code)) {
    throw new TsugiError("TSUGI_CODE_UNKNOWN", { code: asked, near: nearest(code).join(", ") });
  }
  const { exitCode, message, hint }: ErrorDefinition = ERRORS[code as keyof typeof ERRORS];
  printResult<Explained>({ code, exitCode, message, hint }, [
    code,
    "",
    ...message.split("\n").map((line) => wrapLines(`  ${line}`, 80)),
    "",
    ...hint.split(" · ").map((step) => wrapLines(`  → ${step}`, 80)),
    "",
    `Exit code ${exitCode}: ${EXITS[exitCode]}`,
  ]);
}

/** Those that share the most pairs of letters with it (Dice's coefficient). */
function nearest(code: string): string[] {
  const wanted = pairsOf(code);
  const likeness = (other: string) => {
    const pairs = pairsOf(other);
    return [...pairs].filter((pair) => wanted.has(pair)).length / (pairs.size + wanted.size);
  };
  return Object.keys(ERRORS)
    .sort((a, b) => likeness(b) - likeness(a))
    .slice(0, NEAR);
}

/** The prefix, which all have, is left out. */
function pairsOf(code: string): Set<string> {
  const word = code.replace(/^TSUGI_/, "");
  return new Set([...word].map((_, at) => word.slice(at, at + 2)));
}
