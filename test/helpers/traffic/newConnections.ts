import { HttpConnection } from "./http1.ts";
import type { Tally } from "./tally.ts";
import { type Clients, pause, runClients, type Target, type Workload } from "./workload.ts";

/** Clients that open a connection for each request, as a browser's first click or curl does. */
export function newConnectionClients(
  target: Target,
  workload: Workload,
  tally: Tally,
  { clients, pauseMs }: { clients: number; pauseMs: number },
): Clients {
  return runClients(clients, async (number, signal) => {
    for (let count = 0; !signal.aborted; count += 1) {
      const id = `new-${number}-${count}`;
      tally.sent(id);
      await once(id).catch((error) => tally.failed(id, error));
      await pause(pauseMs, signal);
    }
  });

  async function once(id: string): Promise<void> {
    const connection = await HttpConnection.open(target);
    connection.onUnasked = (text) => tally.answeredTwice(`${id}: ${text}`);
    try {
      const request = workload.request(id);
      const headers = { ...request.headers, connection: "close" };
      const response = await connection.exchange({ ...request, headers });
      tally.answered(id, workload.check(id, response));
    } finally {
      await connection.close();
    }
  }
}
