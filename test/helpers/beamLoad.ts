/** Clients that keep asking while a release is changed: each has one connection that must last. */
import { Agent, get, type RequestOptions } from "node:http";
import { type ClientHttp2Session, connect } from "node:http2";
import { get as getTls, Agent as TlsAgent } from "node:https";

export interface Load {
  /** Stops the clients and says how it was. */
  stop(): Promise<{ answered: number; failures: string[]; connections: number }>;
  /** The longest time for which one has waited, since the last time that this was asked. */
  longestMs(): number;
}

/** A test that has failed on the way stops nobody, and a file of tests ends when its clients do. */
const ENOUGH_FAILURES = 500;

/** h2c is HTTP/2 without TLS. Nobody looks at the certificate. */
export type Protocol = "http" | "https" | "h2" | "h2c";

export interface LoadOptions {
  /** What is wrong with an answer's text. */
  text?: (text: string) => string | undefined;
  /** false: a connection of its own for each request. */
  keepAlive?: boolean;
  protocol?: Protocol;
}

export function startLoad(
  port: number,
  clients: number,
  paths: string[],
  { text = () => undefined, keepAlive = true, protocol = "http" }: LoadOptions = {},
): Load {
  let stopped = false;
  let answered = 0;
  let connections = 0;
  let longestMs = 0;
  const failures: string[] = [];
  const client = async (index: number) => {
    const connection = open(protocol, port, keepAlive, () => {
      connections += 1;
    });
    for (let n = index; !stopped && failures.length < ENOUGH_FAILURES; n += 1) {
      const path = paths[n % paths.length]!;
      const askedAt = performance.now();
      try {
        const answer = await connection.ask(path);
        const problem = answer.status === 200 ? text(answer.text) : String(answer.status);
        if (problem !== undefined) throw new Error(`${path}: ${problem}`);
        answered += 1;
      } catch (error) {
        failures.push(String(error));
      }
      longestMs = Math.max(longestMs, performance.now() - askedAt);
      await new Promise((resolve) => setTimeout(resolve, 2));
    }
    connection.close();
  };
  const running = Promise.all(Array.from({ length: clients }, (_, index) => client(index)));
  return {
    stop: async () => {
      stopped = true;
      await running;
      return { answered, failures, connections };
    },
    longestMs: () => {
      const longest = longestMs;
      longestMs = 0;
      return longest;
    },
  };
}

interface Answer {
  status: number | undefined;
  text: string;
}

interface Connection {
  ask(path: string): Promise<Answer>;
  close(): void;
}

const open = (protocol: Protocol, port: number, keepAlive: boolean, isNew: () => void) =>
  protocol === "h2" || protocol === "h2c"
    ? openHttp2(protocol, port, isNew)
    : openHttp1(protocol, port, keepAlive, isNew);

function openHttp1(
  protocol: "http" | "https",
  port: number,
  keepAlive: boolean,
  isNew: () => void,
): Connection {
  const agent =
    protocol === "https"
      ? new TlsAgent({ keepAlive, maxSockets: 1, rejectUnauthorized: false })
      : new Agent({ keepAlive, maxSockets: 1 });
  const ask = (path: string): Promise<Answer> =>
    new Promise((resolve, reject) => {
      const options: RequestOptions = { agent, host: "127.0.0.1", port, path, timeout: 10_000 };
      const request = (protocol === "https" ? getTls : get)(options, async (response) => {
        if (!request.reusedSocket) isNew();
        try {
          resolve({ status: response.statusCode, text: await textOf(response) });
        } catch (error) {
          reject(error);
        }
      });
      request.on("timeout", () => request.destroy(new Error(`${path}: no answer`)));
      request.on("error", reject);
    });
  return { ask, close: () => agent.destroy() };
}

/** Three streams at a time. */
function openHttp2(protocol: "h2" | "h2c", port: number, isNew: () => void): Connection {
  const url = `${protocol === "h2" ? "https" : "http"}://127.0.0.1:${port}`;
  let session: ClientHttp2Session | undefined;
  const opened = () => {
    if (session === undefined || session.closed || session.destroyed) {
      isNew();
      session = connect(url, { rejectUnauthorized: false });
      // Its requests fail with it, and say so.
      session.on("error", () => {});
    }
    return session;
  };
  const one = (path: string): Promise<Answer> =>
    new Promise((resolve, reject) => {
      let status: number | undefined;
      const stream = opened().request({ ":path": path });
      stream.setTimeout(10_000, () => stream.destroy(new Error(`${path}: no answer`)));
      stream.on("response", (headers) => {
        status = headers[":status"];
      });
      stream.on("error", reject);
      textOf(stream).then((text) => resolve({ status, text }), reject);
    });
  const ask = async (path: string): Promise<Answer> => {
    const [first, ...others] = await Promise.all([one(path), one(path), one(path)]);
    return others.find(({ status }) => status !== 200) ?? first!;
  };
  return { ask, close: () => session?.close() };
}

async function textOf(stream: NodeJS.ReadableStream): Promise<string> {
  let text = "";
  stream.setEncoding("utf8");
  for await (const part of stream) text += part;
  return text;
}
