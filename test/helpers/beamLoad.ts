/** Clients that keep asking while a release is changed: each has one connection that must last. */
import { Agent, get } from "node:http";

export interface Load {
  /** Stops the clients and says how it was. */
  stop(): Promise<{ answered: number; failures: string[]; connections: number }>;
}

/** A test that has failed on the way stops nobody, and a file of tests ends when its clients do. */
const ENOUGH_FAILURES = 500;

export interface LoadOptions {
  /** What is wrong with an answer's text. */
  text?: (text: string) => string | undefined;
  /** false: a connection of its own for each request. */
  keepAlive?: boolean;
}

export function startLoad(
  port: number,
  clients: number,
  paths: string[],
  { text, keepAlive = true }: LoadOptions = {},
): Load {
  let stopped = false;
  let answered = 0;
  let connections = 0;
  const failures: string[] = [];
  const client = async (index: number) => {
    const agent = new Agent({ keepAlive, maxSockets: 1 });
    for (let n = index; !stopped && failures.length < ENOUGH_FAILURES; n += 1) {
      try {
        if (await ask(agent, port, paths[n % paths.length]!, text)) connections += 1;
        answered += 1;
      } catch (error) {
        failures.push(String(error));
      }
      await new Promise((resolve) => setTimeout(resolve, 2));
    }
    agent.destroy();
  };
  const running = Promise.all(Array.from({ length: clients }, (_, index) => client(index)));
  return {
    stop: async () => {
      stopped = true;
      await running;
      return { answered, failures, connections };
    },
  };
}

/** Resolves to true where it took a new connection. */
function ask(
  agent: Agent,
  port: number,
  path: string,
  check: LoadOptions["text"] = () => undefined,
): Promise<boolean> {
  return new Promise((resolve, reject) => {
    const request = get({ agent, host: "127.0.0.1", port, path, timeout: 10_000 }, (response) => {
      let text = "";
      response.setEncoding("utf8");
      response.on("data", (part) => {
        text += part;
      });
      response.on("error", reject);
      response.on("end", () => {
        const problem = check(text);
        if (response.statusCode !== 200) reject(new Error(`${path}: ${response.statusCode}`));
        else if (problem !== undefined) reject(new Error(`${path}: ${problem}`));
        else resolve(!request.reusedSocket);
      });
    });
    request.on("timeout", () => request.destroy(new Error(`${path}: no answer`)));
    request.on("error", reject);
  });
}
