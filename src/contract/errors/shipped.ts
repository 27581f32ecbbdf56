/** The errors of a Node host: what ships in a release has these and no others (scripts/build.mjs). */
import { COMMON_ERRORS } from "./common.ts";
import { RUNNING_ERRORS } from "./running.ts";
import { TREE_ERRORS } from "./tree.ts";

export const ERRORS = { ...COMMON_ERRORS, ...RUNNING_ERRORS, ...TREE_ERRORS };
