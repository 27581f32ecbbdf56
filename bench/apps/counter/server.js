// What the benchmarks put load on: next to no work of its own, so that the frame around it shows.
import { createServer } from "node:http";
import { hot } from "tsugi/hot";

const counter = hot.state("counter", { initial: () => ({ requests: 0 }) });
const body = JSON.stringify({ hello: "world" });

createServer((_request, response) => {
  counter.value.requests += 1;
  response.writeHead(200, {
    "content-type": "application/json",
    "content-length": body.length,
  });
  response.end(body);
}).listen(Number(process.env.PORT), "127.0.0.1");
