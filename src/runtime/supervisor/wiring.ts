/** What every worker is connected to: the log, and the table of listening sockets. */
import type { ListenerTable } from "./listeners.ts";
import { LineSplitter, type Log } from "./logWriter.ts";
import type { WorkerHandle } from "./workerHandle.ts";

export function wireLog(worker: WorkerHandle, log: Log, note: (text: string) => void): void {
  const { version } = worker.boot;
  const write = (line: string) => log.line(version, worker.pid, line);
  const splitters = { stdout: new LineSplitter(write), stderr: new LineSplitter(write) };
  worker.on("output", (stream, chunk) => splitters[stream].push(chunk));
  worker.on("notice", (text) => note(`${version}: ${text}`));
  worker.on("lateAccess", (state) => {
    note(`${version}: state "${state}" was touched after the freeze`);
  });
  worker.once("exit", () => {
    splitters.stdout.end();
    splitters.stderr.end();
  });
}

/** `isLast`: no other worker may still want a socket that this one has closed. */
export function wireListeners(
  worker: WorkerHandle,
  listeners: ListenerTable,
  isLast: () => boolean,
): void {
  worker.on("listen", async (id, key, flags) => {
    const result = await listeners.open(key, worker.boot.generation, flags);
    if ("errno" in result) worker.send({ type: "listenReply", id, errno: result.errno });
    else worker.send({ type: "listenReply", id }, result.handle);
  });
  worker.on("claim", (key) => listeners.claim(key, worker.boot.generation));
  worker.on("unlisten", (key) => {
    if (worker.boot.mode !== "rehearsal" && isLast()) listeners.forget(key);
  });
}
