/** `appup` of `tsugi.config.*`. */
import semver from "semver";
import { z } from "zod";
import { APPUP_TIMEOUT_MS } from "../release/appup.ts";

/** A step of an appup; it runs in a process of its own, with the release's Node and environment. */
export type AppupFunction = (release: {
  from: string;
  to: string;
  direction: "upgrade" | "downgrade";
}) => unknown;

const APPUP_STEP_EXPECTED =
  'expected a command as a list of arguments (["node", "./migrate.ts"]), a function, or { run, on, timeoutMs }';

const appupRun = z.union([
  z.array(z.string()).min(1),
  z.custom<AppupFunction>((value) => typeof value === "function"),
]);
const appupSteps = z.array(
  z.union(
    [
      z.string(),
      appupRun,
      z.strictObject({
        run: appupRun.describe('The command, such as ["node", "./migrate.ts"], or the function.'),
        on: z
          .enum(["upgrade", "downgrade", "both"])
          .describe("In which direction it runs. Default upgrade.")
          .optional(),
        timeoutMs: z
          .int()
          .min(1)
          .describe(`How long it may take, in milliseconds. Default ${APPUP_TIMEOUT_MS}.`)
          .optional(),
      }),
    ],
    { error: APPUP_STEP_EXPECTED },
  ),
);

const versionRange = z
  .string()
  .refine((range) => semver.validRange(range) !== null, "expected a range of versions such as 1.x");
const appupRule = {
  from: versionRange.describe("Versions that are left, as a range (1.x). Default any.").optional(),
  to: versionRange.describe("Versions that are gone to, as a range. Default any.").optional(),
};

export const appupSchema = z
  .strictObject({
    before: appupSteps
      .describe(
        "Commands or functions that run before anything of the new version does. One that fails: refused, exit 4.",
      )
      .optional(),
    after: appupSteps
      .describe(
        "Commands or functions that run when nothing of the old version does any more. One that fails: exit 1.",
      )
      .optional(),
    force: z
      .array(
        z.strictObject({
          ...appupRule,
          use: z
            .enum(["handoff", "restart"])
            .describe("handoff: no swap. restart: never both versions at once; memory is lost."),
          reason: z.string().min(1).describe("Shown by plan and in the report.").optional(),
        }),
      )
      .describe("Pairs of versions and the strategy for them, whatever the plan would be.")
      .optional(),
    forbid: z
      .array(
        z.strictObject({
          ...appupRule,
          reason: z.string().min(1).describe("What the refusal says."),
        }),
      )
      .describe("Pairs of versions that are refused.")
      .optional(),
  })
  .describe("What the app says about getting from one of its versions to another.");
