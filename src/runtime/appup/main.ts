/**
 * Runs one function of an appup, in a process of its own: `appup.mjs <module> <moment> <index>`.
 * It is done when the function's promise has resolved, whatever it has left open; what it throws is
 * printed by Node, which then exits with 1.
 */
import { pathToFileURL } from "node:url";
import type { AppupMoment } from "../../release/appup.ts";
import { keepOutput } from "../node/standardOutput.ts";

type Step = AppupFunction | { run: AppupFunction };
type AppupFunction = (release: Record<"from" | "to" | "direction", string | undefined>) => unknown;

keepOutput();
const [module, moment, index] = process.argv.slice(2) as [string, AppupMoment, string];
const { TSUGI_FROM: from, TSUGI_TO: to, TSUGI_DIRECTION: direction } = process.env;
const { default: config } = (await import(pathToFileURL(module).href)) as {
  default: { appup: Record<AppupMoment, Step[]> };
};
const step = config.appup[moment][Number(index)]!;
await (typeof step === "function" ? step : step.run)({ from, to, direction });
process.exit(0);
