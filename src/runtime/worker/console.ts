/** `bin/<app> console`: Node's REPL inside this worker, its keys and its screen over messages. */
import type { REPLServer } from "node:repl";
import { PassThrough, Writable } from "node:stream";
import type { WorkerRequest } from "../../protocol/worker.ts";
import type { EventSink } from "../node/channel.ts";
import { namesIn, type Scope } from "./evaluate.ts";

type Open = Extract<WorkerRequest, { type: "consoleOpen" }>;
type Input = Extract<WorkerRequest, { type: "consoleInput" }>;

export class Consoles {
  readonly #channel: EventSink;
  readonly #scope: () => Scope;
  readonly #inputs = new Map<number, PassThrough>();

  constructor(channel: EventSink, scope: () => Scope) {
    this.#channel = channel;
    this.#scope = scope;
  }

  async open({ session, columns, terminal }: Open): Promise<null> {
    const input = new PassThrough();
    const output = this.#output(session, columns);
    // Before the import: what is typed (or piped) at once has somewhere to wait.
    this.#inputs.set(session, input);
    const repl = await import("node:repl");
    const { hot } = this.#scope();
    const prompt = hot.release ? `${hot.release.name}@${hot.release.version}> ` : "> ";
    const server: REPLServer = repl.start({ input, output, terminal, prompt, useGlobal: true });
    const removeNames = addNames(server.context, namesIn(this.#scope()));
    server.on("exit", () => {
      removeNames();
      this.#inputs.delete(session);
      this.#channel.send({ type: "consoleClosed", session });
    });
    return null;
  }

  input({ session, data }: Input): void {
    const input = this.#inputs.get(session);
    if (data === null) input?.end();
    else input?.write(data);
  }

  #output(session: number, columns: number | undefined): Writable {
    const output = new Writable({
      decodeStrings: false,
      write: (chunk: string | Buffer, _encoding, callback) => {
        this.#channel.send({ type: "consoleOutput", session, data: String(chunk) });
        callback();
      },
    });
    return Object.assign(output, { columns: columns ?? 80 });
  }
}

/** The context is the application's own global object: what a session adds, it takes away. */
function addNames(context: object, names: Record<string, unknown>): () => void {
  const added = Object.keys(names).filter((name) => !(name in context));
  for (const name of added) {
    Object.defineProperty(context, name, {
      configurable: true,
      writable: true,
      value: names[name],
    });
  }
  return () => {
    for (const name of added) delete (context as Record<string, unknown>)[name];
  };
}
