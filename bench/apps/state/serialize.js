// What v8 alone takes for the value, there and back: the median of three.
import { deserialize, serialize } from "node:v8";
import { makeValue } from "./value.js";

const value = makeValue(process.argv[2], Number(process.argv[3]));
const times = [];
let bytes = 0;
for (let round = 0; round < 3; round += 1) {
  const startedAt = performance.now();
  const serialized = serialize(value);
  deserialize(serialized);
  bytes = serialized.length;
  times.push(performance.now() - startedAt);
}
console.log(JSON.stringify({ bytes, ms: times.sort((a, b) => a - b)[1] }));
