/** Load in a process of its own, so that its clock is not held up by what is measured. */
import { fork } from "node:child_process";
import { once } from "node:events";
import { join } from "node:path";
import { type Bench, endChild } from "./bench.ts";

export interface Noticed {
  sent: number;
  /** Requests that were answered; each counts on the sequence. */
  counted: number;
  failed: number;
  /** Connections that the server has closed. */
  closed: number;
  /** The longest time between two answers to one client, beyond the ordinary one of its kind. */
  quietMs: number;
}

export async function startClients(bench: Bench, port: number) {
  const path = join(import.meta.dirname, "clientsMain.ts");
  const child = fork(path, [String(port)], { execArgv: ["--import", "tsx"] });
  bench.onEnd(() => endChild(child));
  const told = async (): Promise<Noticed> => {
    const [message] = await Promise.race([
      once(child, "message"),
      once(child, "exit").then(() => Promise.reject(new Error("the clients have ended"))),
    ]);
    if ("error" in message) throw new Error(message.error);
    return message;
  };
  const tell = (message: string) => {
    const answer = told();
    child.send(message);
    return answer;
  };
  await told();
  return {
    begin: () => tell("begin"),
    end: () => tell("end"),
    stop: () => endChild(child),
  };
}
