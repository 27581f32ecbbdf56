/**
 * A process of the web is ready when it has answered something, not only when it listens: what is
 * wrong with its views, its modules or its variables often shows at its first request. So it is asked
 * once, for `health.path` or `/`, as soon as it accepts. Whatever it answers is an answer. One that
 * dies of the question was never ready; one that keeps it waiting is said to, and goes on.
 *
 * An application that uses `tsugi/hot` says itself when it is ready, by `hot.prepare` and `hot.health`,
 * and its state outlives this process: a stranger's visit to `/` would be counted in it. It is asked
 * only where `health.path` says for what.
 */
import net from "node:net";
import { listenKeyText } from "../../protocol/listenKey.ts";
import type { Generation, Slot } from "./generation.ts";
import type { ListenerTable } from "./listeners.ts";

/** A request of somebody's own may be held for good: no start waits for it. */
const ANSWER_TIMEOUT_MS = 5_000;
const DEATH_MS = 1_000;

/** @returns what there is to say of those that have not answered */
export async function askFirst(
  { slots, settings }: Generation,
  listeners: ListenerTable,
): Promise<string[]> {
  const { path = "/" } = settings.health;
  const isAsked = ({ worker }: Slot) =>
    settings.health.path !== undefined || worker.declared?.usesHot !== true;
  const keys = new Map(
    slots.filter(isAsked).flatMap(({ worker }) => {
      const { http = [] } = worker.declared ?? {};
      return http.map((key) => [listenKeyText(key), key] as const);
    }),
  );
  const asked = [...keys.values()].map(async (key) => {
    const address = listeners.addressOf(key);
    if (address === undefined || (await ask(address, path))) return undefined;
    const where = "path" in address ? address.path : `port ${address.port}`;
    return `GET ${path} on ${where} has had no answer; it listens`;
  });
  return (await Promise.all(asked)).filter((text) => text !== undefined);
}

/** By a socket alone: the supervisor goes without `node:http`. True: an answer has begun. */
function ask(address: net.NetConnectOpts, path: string): Promise<boolean> {
  return new Promise((resolve) => {
    const socket = net.connect(address);
    let isAnswered = false;
    socket.setTimeout(ANSWER_TIMEOUT_MS, () => socket.destroy());
    socket.once("data", () => {
      isAnswered = true;
      socket.destroy();
    });
    socket.on("error", () => {});
    socket.once("close", () => {
      if (isAnswered) resolve(true);
      // If its process has died of it, that is heard of a little later.
      else setTimeout(() => resolve(false), DEATH_MS);
    });
    socket.write(
      `GET ${path} HTTP/1.1\r\nHost: localhost\r\nUser-Agent: tsugi\r\nAccept: */*\r\nConnection: close\r\n\r\n`,
    );
  });
}
