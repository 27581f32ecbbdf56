/**
 * `npm run demo`: scripts/demo/main.ts; `npm run demo -- beam`: scripts/demo/beam.ts. This file runs
 * on a clone that has no packages yet.
 */
import { makeReady } from "./lib/ready.mjs";

makeReady();
const { register } = await import("tsx/esm/api");
register();
const isBeam = process.argv[2] === "beam";
if (isBeam) process.argv.splice(2, 1);
await import(isBeam ? "./demo/beam.ts" : "./demo/main.ts");
