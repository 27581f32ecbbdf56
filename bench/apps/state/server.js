import { createServer } from "node:http";
import { hot } from "tsugi/hot";
import { makeValue } from "./value.js";

const { STATE_KIND, STATE_MEGABYTES, PORT } = process.env;
const state = hot.state("value", { initial: () => makeValue(STATE_KIND, Number(STATE_MEGABYTES)) });

createServer((_request, response) => {
  const { value } = state;
  response.end(String(value.size ?? value.length));
}).listen(Number(PORT), "127.0.0.1");
