/**
 * `tsugi/hot`. In a release the worker has installed the runtime before the application loads;
 * elsewhere `hot` is inert. Either way every copy of this file, ESM or CommonJS, is one instance.
 */
import { createInertHot } from "./inert.ts";
import type { Hot } from "./types.ts";

const RUNTIME = Symbol.for("tsugi.hot.runtime");
const holder = globalThis as { [RUNTIME]?: Hot };

holder[RUNTIME] ??= createInertHot();

export const hot: Hot = holder[RUNTIME];

export type {
  CarryOptions,
  ClientOf,
  Hot,
  HotRelease,
  Migration,
  SocketIoOptions,
  SocketIoServerLike,
  SocketOf,
  SocketOptions,
  StateOptions,
  StateRef,
  WebSocketOptions,
  WebSocketServerLike,
} from "./types.ts";
