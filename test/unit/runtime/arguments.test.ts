// biome-ignore-all lint/suspicious/noTemplateCurlyInString: lines of shell
import assert from "node:assert/strict";
import { describe, test } from "node:test";
import { filledIn } from "../../../src/runtime/supervisor/arguments.ts";

describe("the arguments of a process", () => {
  const env = { PORT: "80", HOST: "h", EMPTY: "" };
  const cases: [args: string[], filled: string[]][] = [
    [
      ["start", "-p", "$PORT"],
      ["start", "-p", "80"],
    ],
    [["--listen=${HOST}:${PORT}"], ["--listen=h:80"]],
    [
      ["${NONE:-3000}", "${EMPTY:-1}", "${PORT:-2}"],
      ["3000", "1", "80"],
    ],
    [
      ["start", "-p", "$NONE", "--fast", "--name=$NONE"],
      ["start", "--fast"],
    ],
    [
      ["costs 5$", "$"],
      ["costs 5$", "$"],
    ],
  ];
  for (const [args, filled] of cases) {
    test(args.join(" "), () => assert.deepEqual(filledIn(args, env), filled));
  }
});
