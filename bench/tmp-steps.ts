import { fork } from "node:child_process";
import { once } from "node:events";
import { Bench } from "./lib/bench.ts";
import { upgradeTo } from "./lib/upgradeTo.ts";

const bench = new Bench();
try {
  const project = await bench.projectWithPackages("live");
  const t: Record<string, string> = {};
  for (const v of ["1.0.0", "1.0.1"]) t[v] = await bench.release(project, "live", v);
  const config = { timeouts: { probationMs: 1000 } };
  const host = await bench.host("live", t["1.0.0"]!, {
    env: { STATE_KIND: "map", STATE_MEGABYTES: "1" },
    config,
  });
  const child = fork("bench/lib/askers.mjs", [String(host.port), process.argv[2] ?? "5000"], {
    execArgv: [],
  });
  await once(child, "message");
  for (let i = 0; i < 6; i++) {
    const v = i % 2 ? "1.0.0" : "1.0.1";
    child.send("count");
    await once(child, "message");
    const r = (await upgradeTo(host, v, t[v]!)) as any;
    child.send("count");
    const [c] = (await once(child, "message")) as any;
    console.log(
      r.strategy,
      "pause",
      r.pauseMs,
      r.steps.map((s: any) => `${s.name} ${s.ms.toFixed(1)}`).join(" "),
      JSON.stringify(c),
      JSON.stringify(r.connections),
      JSON.stringify(r.quietMs),
    );
  }
  child.kill("SIGKILL");
  await host.must("stop");
} finally {
  await bench.end();
}
