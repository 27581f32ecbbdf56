/** `npm run bench`: see bench/main.ts. This file runs on a clone that has no packages yet. */
import { makeReady } from "./lib/ready.mjs";

makeReady();
const { register } = await import("tsx/esm/api");
register();
await import("../bench/main.ts");
