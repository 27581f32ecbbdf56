// Compiling alone, as the build does it: one entry to one ESM file with a source map.
import { rolldown } from "rolldown";

const build = await rolldown({
  input: process.argv[2],
  platform: "node",
  external: /^[^./]/,
  logLevel: "silent",
});
await build.generate({ format: "esm", sourcemap: true, codeSplitting: false });
await build.close();
