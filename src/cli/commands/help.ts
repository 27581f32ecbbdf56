import { type ConfigKey, configReference } from "../../config/reference.ts";
import { printResult } from "../output.ts";

/** `tsugi help config`: every key of tsugi.config.*, from the schema. */
export function helpConfigCommand(): void {
  const keys = configReference();
  const width = Math.max(...keys.map(({ path, type }) => path.length + type.length)) + 4;
  printResult<ConfigKey[]>(
    keys,
    ["tsugi.config.{ts,mts,js,mjs,cjs,json}; every key is optional.", ""].concat(
      keys.map(
        ({ path, type, text }) => `${`${path}: ${type}`.padEnd(Math.min(width, 34))}  ${text}`,
      ),
    ),
  );
}
