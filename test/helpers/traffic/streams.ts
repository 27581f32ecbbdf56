import { HttpConnection, type HttpResponse } from "./http1.ts";
import { type Tally, TrafficError } from "./tally.ts";
import { type Clients, pause, runClients, type Target } from "./workload.ts";

const STREAM_TIMEOUT_MS = 60_000;

/**
 * Readers of a long streamed answer: lines `0`, `1`, `2` … and `end`. Each wants all of them, in
 * order, from one version.
 */
export function streamReaders(
  target: Target,
  path: string,
  tally: Tally,
  { clients, pauseMs }: { clients: number; pauseMs: number },
): Clients {
  return runClients(clients, async (number, signal) => {
    for (let count = 0; !signal.aborted; count += 1) {
      const id = `stream-${number}-${count}`;
      tally.sent(id);
      await once(id).catch((error) => tally.failed(id, error));
      await pause(pauseMs, signal);
    }
  });

  async function once(id: string): Promise<void> {
    const connection = await HttpConnection.open(target);
    try {
      const headers = { "x-request-id": id, connection: "close" };
      const request = { method: "GET", path, headers };
      tally.answered(id, checkStream(await connection.exchange(request, STREAM_TIMEOUT_MS)));
    } finally {
      await connection.close();
    }
  }
}

function checkStream({ headers, body }: HttpResponse): string {
  const lines = body.toString().trimEnd().split("\n");
  if (lines.pop() !== "end") throw new TrafficError("reset", "the stream has no end");
  const wrong = lines.findIndex((line, index) => line !== String(index));
  if (wrong >= 0) throw new TrafficError("wrong", `line ${wrong} of the stream is ${lines[wrong]}`);
  return headers["x-version"] ?? "?";
}
