/** The world's projects. To add one: a row in starters.ts, or in handmade.ts where no starter makes it by itself. */
import { HANDMADE } from "./handmade.ts";
import type { WorldProject } from "./project.ts";
import { STARTERS } from "./starters.ts";

export const WORLD: Record<string, WorldProject> = { ...STARTERS, ...HANDMADE };
