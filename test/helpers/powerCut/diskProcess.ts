/**
 * A disk in a process of its own: whoever waits for what lies on it (a spawn does, until the program is read)
 * may not be the one who serves it.
 */
import { type ChildProcess, fork } from "node:child_process";
import { once } from "node:events";
import { fileURLToPath } from "node:url";
import { LaidOverDisk, RecordedDisk, type Request, type Write } from "./disks.ts";
import { serveDisk } from "./nbdServer.ts";

interface Wanted {
  path: string;
  bytes: number;
  socket: string;
  /** On top of the file, which stays as it is; without: it is written to, and recorded. */
  writes?: Write[];
}

const SERVE = "serve-disk";

type Question = "record" | "count" | "requests";

/** The other side. */
export class DiskHandle {
  readonly socket: string;
  readonly #process: ChildProcess;

  private constructor(child: ChildProcess, socket: string) {
    this.#process = child;
    this.socket = socket;
  }

  static async open(wanted: Wanted): Promise<DiskHandle> {
    const child = fork(fileURLToPath(import.meta.url), [SERVE], {
      execArgv: ["--import", "tsx"],
      serialization: "advanced",
    });
    child.send(wanted);
    await once(child, "message");
    return new DiskHandle(child, wanted.socket);
  }

  record(): Promise<unknown> {
    return this.#ask("record");
  }

  /** How many requests there have been. */
  count(): Promise<number> {
    return this.#ask("count") as Promise<number>;
  }

  requests(): Promise<Request[]> {
    return this.#ask("requests") as Promise<Request[]>;
  }

  async close(): Promise<void> {
    const ended = once(this.#process, "exit");
    this.#process.kill("SIGKILL");
    await ended;
  }

  async #ask(question: Question): Promise<unknown> {
    const answered = once(this.#process, "message");
    this.#process.send(question);
    const [answer] = await answered;
    return answer;
  }
}

if (process.argv[2] === SERVE) {
  process.once("message", (wanted: Wanted) => void serve(wanted));
}

async function serve(wanted: Wanted): Promise<void> {
  const { path, bytes, socket, writes } = wanted;
  const requests: Request[] = [];
  const recorded = writes === undefined ? new RecordedDisk(path, bytes, requests) : undefined;
  const disk = recorded ?? new LaidOverDisk(path, bytes);
  for (const { offset, data } of writes ?? []) disk.write(offset, Buffer.from(data));
  await serveDisk(disk, socket);
  process.on("message", (question: Question) => {
    if (question === "record" && recorded !== undefined) recorded.isRecording = true;
    process.send!(question === "requests" ? requests : requests.length);
  });
  process.send!("serves");
}
