/** The module that a compiled file carries for the others in it: where each was, and what its imports may mean. */
export const PLACE = "\0tsugi:place";

/** What the bundle's modules share: where the output file lies, and whether it is the entry. */
export const PLACE_CODE = `
import { realpathSync } from "node:fs";
import { join } from "node:path";
import { fileURLToPath, pathToFileURL } from "node:url";
export const pathOf = (relative) => join(import.meta.dirname, relative);
export const urlOf = (relative) => pathToFileURL(pathOf(relative)).href;
export const pick = async (asked, known) => pickNow(asked, known);
export const pickNow = (given, known) => {
  const asked = String(given).startsWith("file:") ? fileURLToPath(given) : String(given);
  if (Object.hasOwn(known, asked)) return known[asked]();
  const message = "Cannot find module '" + asked + "'; at the build there were " + Object.keys(known).join(", ");
  throw Object.assign(new Error(message), { code: "ERR_MODULE_NOT_FOUND" });
};
export const isMain = () => {
  try {
    return realpathSync(process.argv[1]) === realpathSync(import.meta.filename);
  } catch {
    return false;
  }
};`;
