/** A REPL inside a worker, its text relayed between the control socket and the worker. */
import { defined } from "../../contract/checks.ts";
import type { ControlRequest } from "../../protocol/control.ts";
import type { ControlClient } from "./controlServer.ts";
import type { WorkerHandle } from "./workerHandle.ts";

let lastSession = 0;

/** Resolves when either side closes the console. */
export async function openConsole(
  worker: WorkerHandle,
  request: Extract<ControlRequest, { verb: "console" }>,
  client: ControlClient,
): Promise<null> {
  lastSession += 1;
  const session = lastSession;
  const closed = new Promise<void>((resolve) => {
    client.onClose(resolve);
    void worker.exited.then(() => resolve());
    worker.on("consoleClosed", (ended) => ended.session === session && resolve());
  });
  const onOutput = (output: { session: number; data: string }) => {
    if (output.session === session) client.send({ event: "output", data: output.data });
  };
  worker.on("consoleOutput", onOutput);
  client.onRequest((input) => {
    if (input.verb === "consoleInput") {
      worker.send({ type: "consoleInput", session, data: input.data });
    }
  });
  const { terminal, columns } = request;
  const open = { type: "consoleOpen", session, terminal, ...defined({ columns }) } as const;
  await worker.request(open, { timeoutMs: 5_000 });
  await closed;
  worker.off("consoleOutput", onOutput);
  worker.send({ type: "consoleInput", session, data: null });
  return null;
}
