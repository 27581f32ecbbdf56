/** `npm run demo:beam`: see scripts/demo/beam.ts. This file runs on a clone that has no packages yet. */
import { makeReady } from "./lib/ready.mjs";

makeReady();
const { register } = await import("tsx/esm/api");
register();
await import("./demo/beam.ts");
