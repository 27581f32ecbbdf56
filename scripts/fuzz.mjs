/**
 * `npm run fuzz [-- seconds] [seed]`: spoilt archives for as long as asked (a minute). What breaks the
 * promise is written into the corpus, and from then on `npm test` offers it too. `-- seeds` writes the
 * part of the corpus anew that was thought of.
 */
import { makeReady } from "./lib/ready.mjs";

makeReady();
const { register } = await import("tsx/esm/api");
register();
await import("../test/helpers/fuzzMain.ts");
