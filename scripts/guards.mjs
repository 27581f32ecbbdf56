/** `npm run guards [-- --promise N] [--write]`: the guards are tested (test/helpers/guards). */
import { makeReady } from "./lib/ready.mjs";

makeReady();
const { register } = await import("tsx/esm/api");
register();
await import("../test/helpers/guards/main.ts");
