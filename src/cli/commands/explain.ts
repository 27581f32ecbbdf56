import type { ErrorDefinition } from "../../contract/errors/define.ts";
import { ERRORS, TsugiError } from "../../contract/errors.ts";
import { EXITS } from "../../contract/exits.ts";
import { nearest } from "../../protocol/nearest.ts";
import { wrapLines } from "../../protocol/wrap.ts";
import type { Explained } from "../documents.ts";
import { printResult } from "../output.ts";

const NEAR = 3;

/** Words in braces stay: what fills them is known where the error is thrown. */
export function explainCommand(asked: string): void {
  const upper = asked.toUpperCase();
  const code = upper.startsWith("TSUGI_") ? upper : `TSUGI_${upper}`;
  if (!Object.hasOwn(ERRORS, code)) {
    const near = nearest(code, Object.keys(ERRORS)).slice(0, NEAR).join(", ");
    throw new TsugiError("TSUGI_CODE_UNKNOWN", { code: asked, near });
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
