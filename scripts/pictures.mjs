/** `npm run pictures`: the README's recording and the page's picture, from a real upgrade (scripts/pictures/main.ts). */
import { makeReady } from "./lib/ready.mjs";

makeReady();
const { register } = await import("tsx/esm/api");
register();
await import("./pictures/main.ts");
