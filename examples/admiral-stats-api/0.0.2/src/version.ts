import { hot } from "tsugi/hot";
import project from "../package.json" with { type: "json" };

/** Of the release that runs, or under plain Node of the project. */
export const version: string = hot.release?.version ?? project.version;
