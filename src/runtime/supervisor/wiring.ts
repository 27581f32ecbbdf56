/** What every worker is connected to: the log, and the table of listening sockets. */
import { type ListenKey, listenKeyText } from "../../protocol/listenKey.ts";
import { isDatagrams, type ListenerTable } from "./listeners.ts";
import { LineSplitter } from "./log/lines.ts";
import type { Log } from "./log/log.ts";
import type { WorkerHandle } from "./workerHandle.ts";

export function wireLog(worker: WorkerHandle, log: Log, note: (text: string) => void): void {
  const { version } = worker.boot;
  const linesOf = (stream: "stdout" | "stderr") =>
    new LineSplitter((text) => {
      worker.lastWords.push(text);
      log.line({ version, pid: worker.pid, text, stream });
    });
  const splitters = { stdout: linesOf("stdout"), stderr: linesOf("stderr") };
  worker.on("output", (stream, chunk) => splitters[stream].push(chunk));
  worker.on("notice", ({ text }) => note(`${version}: ${text}`));
  worker.on("refused", ({ why = "this version did not take it" }) => {
    const known = worker.refused.get(why) ?? 0;
    worker.refused.set(why, known + 1);
    // Of thousands it is said once.
    if (known === 0) note(`${version}: a carried connection is closed, to come back: ${why}`);
  });
  worker.on("outputLost", ({ count }) => log.lose(count, `${version} ${worker.pid} was not read`));
  worker.on("lateAccess", ({ state }) => {
    note(`${version}: state "${state}" was touched after the freeze`);
  });
  // What it printed last may come after its end.
  const ended = worker.outputEnded.then(() => {
    splitters.stdout.end();
    splitters.stderr.end();
  });
  log.follow(ended);
}

/** `isLast`: no other worker may still want a socket that this one has closed. */
export function wireListeners(
  worker: WorkerHandle,
  listeners: ListenerTable,
  isLast: () => boolean,
): void {
  worker.on("listen", async ({ id, key, flags }) => {
    const result = await listeners.open(key, worker.boot.generation, flags);
    if ("errno" in result) worker.send({ type: "listenReply", id, errno: result.errno });
    else {
      worker.send({ type: "listenReply", id }, result.handle);
      noteListening(worker, key);
    }
  });
  worker.on("claim", ({ key }) => {
    listeners.claim(key, worker.boot.generation);
    noteListening(worker, key);
  });
  worker.on("unlisten", ({ key }) => {
    worker.listening.delete(listenKeyText(key));
    if (worker.boot.mode !== "rehearsal" && isLast()) listeners.forget(key);
  });
}

function noteListening(worker: WorkerHandle, key: ListenKey): void {
  if (!isDatagrams(key)) worker.listening.add(listenKeyText(key));
}
