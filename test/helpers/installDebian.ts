/** `npm test` runs it beside what needs no programs yet. */
import { installAll } from "./debian.ts";

// A test that misses one says so itself.
await installAll().catch(() => {});
