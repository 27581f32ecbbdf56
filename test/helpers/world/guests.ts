/** Clients that are in the middle of something when a version changes: each is to notice nothing. */
import assert from "node:assert/strict";
import { io } from "socket.io-client";

/** Comes before a step; what it returns is called after it, and says what came of it. */
export type Guest = (port: number) => Promise<() => Promise<string>>;

const TOKENS = 120;

/** Of an answer as an API of a language model gives it: 120 events in 12 s. */
export const STREAM = `const encoder = new TextEncoder();
export async function POST() {
  const body = new ReadableStream({
    async start(controller) {
      for (let token = 0; token < ${TOKENS}; token += 1) {
        controller.enqueue(encoder.encode(\`data: \${token}\\n\\n\`));
        await new Promise((resolve) => setTimeout(resolve, 100));
      }
      controller.close();
    },
  });
  return new Response(body, { headers: { "content-type": "text/event-stream" } });
}
`;

export const readsStream =
  (path: string): Guest =>
  async (port) => {
    const headers = { accept: "text/event-stream" };
    const response = await fetch(`http://127.0.0.1:${port}${path}`, { method: "POST", headers });
    const text = response.text();
    return async () => {
      const tokens = (await text).match(/data: \d+\n\n/g) ?? [];
      assert.deepEqual(
        tokens.map((token) => Number(token.slice(6))),
        [...Array(TOKENS).keys()],
      );
      return `a stream of ${TOKENS} events is whole`;
    };
  };

/** Of a gateway that answers `ask` with its page's word. */
export const chats: Guest = async (port) => {
  const sockets = [["websocket"], ["polling"]].map((transports) =>
    io(`http://127.0.0.1:${port}`, { transports, forceNew: true }),
  );
  const gone: string[] = [];
  for (const socket of sockets) socket.on("disconnect", (reason) => gone.push(reason));
  const ask = () =>
    Promise.all(sockets.map((socket) => socket.timeout(30_000).emitWithAck("ask", "who")));
  const before = await ask();
  const ids = sockets.map(({ id }) => id);
  return async () => {
    const after = await ask();
    assert.deepEqual([gone, sockets.map(({ id }) => id)], [[], ids]);
    for (const socket of sockets) socket.disconnect();
    return `${before[0]} → ${after[0]}, 0 disconnects`;
  };
};
