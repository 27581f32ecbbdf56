import { type ConfigKey, configReference } from "../../config/reference.ts";
import { wrap } from "../../protocol/wrap.ts";
import { printResult } from "../output.ts";

/** `tsugi help config`: every key of tsugi.config.*, from the schema. */
export function helpConfigCommand(): void {
  const keys = configReference();
  printResult<ConfigKey[]>(
    keys,
    ["tsugi.config.{ts,mts,js,mjs,cjs,json}; every key is optional.", ""].concat(
      keys.flatMap(({ path, type, text }) => [`${path}: ${type}`, wrap(`    ${text}`, "    ", 80)]),
    ),
  );
}
