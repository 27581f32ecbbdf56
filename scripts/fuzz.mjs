/**
 * `npm run fuzz [-- seconds] [seed]`: spoilt archives for as long as asked (a minute). `-- seeds` writes
 * the part of their corpus anew that was thought of.
 * `npm run fuzz -- <target>|all [--seconds N] [--seed N]`: spoilt texts for manifest, registry, settings,
 * control (the socket), worker (its frames), config (test/helpers/fuzz).
 * What breaks the promise is written into a corpus, and from then on `npm test` offers it too.
 */
import { makeReady } from "./lib/ready.mjs";

makeReady();
const { register } = await import("tsx/esm/api");
register();
const isArchives = /^(\d+|seeds)?$/.test(process.argv[2] ?? "");
await import(isArchives ? "../test/helpers/fuzzMain.ts" : "../test/helpers/fuzz/main.ts");
