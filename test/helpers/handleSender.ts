/** A process that sends handles into a pipe that it is given, and dies at once. */
import net from "node:net";
import { HandlePipe } from "../../src/runtime/node/handlePipe.ts";
import type { RawHandle } from "../../src/runtime/node/internals.ts";

process.on("message", async (count: number, end: unknown) => {
  const pipe = new HandlePipe(end as RawHandle);
  const server = net.createServer().listen(0, "127.0.0.1");
  await new Promise((resolve) => server.once("listening", resolve));
  const { port } = server.address() as net.AddressInfo;
  const sent: Promise<void>[] = [];
  for (let at = 0; at < count; at += 1) {
    const client = net.connect(port, "127.0.0.1");
    await new Promise((resolve) => client.once("connect", resolve));
    sent.push(pipe.sendWithHandle({ at }, (client as unknown as { _handle: never })._handle));
  }
  pipe.send({ last: true });
  await Promise.all(sent);
  process.send!("sent", () => process.kill(process.pid, "SIGKILL"));
});
