/** The chat of test/contract/socketio.test.ts under `pm2 reload`: what its clients notice of that. */
import { mkdirSync, symlinkSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { test } from "node:test";
import { Pm2 } from "../../bench/contestants/pm2.ts";
import { Bench, untilAnswers } from "../../bench/lib/bench.ts";
import { ChatCrowd, chatApp } from "../helpers/chat.ts";
import { projectRoot } from "../helpers/example.ts";
import { until } from "../helpers/installed.ts";

const SIZE = Number(process.env.TSUGI_TEST_CHAT ?? 200);
const BACK_WITHIN_MS = 120_000;

/** It has a port that is known before, and no release. */
function projectIn(folder: string): string {
  const source = chatApp({ state: true })
    .replace("hot.release", "{ generation: 1 }")
    .replace("listen(0,", "listen(Number(process.env.PORT),");
  mkdirSync(join(folder, "node_modules"), { recursive: true });
  symlinkSync(projectRoot, join(folder, "node_modules", "tsugi"));
  writeFileSync(join(folder, "package.json"), '{ "name": "chat", "type": "module" }\n');
  writeFileSync(join(folder, "server.js"), source);
  return folder;
}

test("a chat by every way, under `pm2 reload`: every client is disconnected", async (t) => {
  const bench = new Bench();
  t.after(() => bench.end());
  const pm2 = await Pm2.make(
    bench,
    projectIn(join(bench.folder, "chat")),
    process.execPath,
    "chat",
  );
  await pm2.start();
  await untilAnswers(pm2.port);
  const crowd = await ChatCrowd.gather(pm2.port, SIZE, ["websocket", "upgraded", "polling"]);
  t.after(() => crowd.leave());
  const gone = new Set<string>();
  for (const { name, socket } of crowd.clients) socket.on("disconnect", () => gone.add(name));
  crowd.begin();
  await crowd.talk();
  await pm2.run("reload", "feed");
  const isBack = () => crowd.clients.every(({ socket }) => socket.connected);
  // A poll that PM2 has lost is noticed when the heartbeat fails to come.
  await until("all are back", () => gone.size === SIZE && isBack(), BACK_WITHIN_MS);
  const faults = await crowd.end();
  t.diagnostic(`${gone.size} of ${SIZE} were disconnected; ${faults.length} faults in all`);
});
