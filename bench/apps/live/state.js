import { hot } from "tsugi/hot";
import { makeValue } from "./value.js";

const { STATE_KIND, STATE_MEGABYTES } = process.env;

export const state = hot.state("value", {
  initial: () => makeValue(STATE_KIND, Number(STATE_MEGABYTES)),
});
