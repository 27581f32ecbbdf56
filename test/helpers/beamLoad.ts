/** Clients that keep asking while a release is changed: each has one connection that must last. */
import { Agent, get } from "node:http";

export interface Load {
  /** Stops the clients and says how it was. */
  stop(): Promise<{ answered: number; failures: string[]; connections: number }>;
}

/** A test that has failed on the way stops nobody, and a file of tests ends when its clients do. */
const ENOUGH_FAILURES = 500;

export function startLoad(port: number, clients: number, paths: string[]): Load {
  let stopped = false;
  let answered = 0;
  let connections = 0;
  const failures: string[] = [];
  const client = async (index: number) => {
    const agent = new Agent({ keepAlive: true, maxSockets: 1 });
    for (let n = index; !stopped && failures.length < ENOUGH_FAILURES; n += 1) {
      try {
        if (await ask(agent, port, paths[n % paths.length]!)) connections += 1;
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
function ask(agent: Agent, port: number, path: string): Promise<boolean> {
  return new Promise((resolve, reject) => {
    const request = get({ agent, host: "127.0.0.1", port, path, timeout: 10_000 }, (response) => {
      response.resume();
      response.on("error", reject);
      response.on("end", () => {
        if (response.statusCode === 200) resolve(!request.reusedSocket);
        else reject(new Error(`${path}: ${response.statusCode}`));
      });
    });
    request.on("timeout", () => request.destroy(new Error(`${path}: no answer`)));
    request.on("error", reject);
  });
}
