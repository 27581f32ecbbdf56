/** The control program's end of `run/control.sock` (protocol/control.ts). */

import type { Socket } from "node:net";
import type { ErrorJson } from "../contract/errors.ts";
import { TsugiError } from "../contract/errors.ts";
import { isAlive } from "../platform/processes.ts";
import { CONTROL_FORMAT, type ControlEvent, type ControlRequest } from "../protocol/control.ts";
import { encodeLine, LineDecoder } from "../protocol/lines.ts";
import type { Layout } from "../release/layout.ts";
import { connectControl } from "./controlSocket.ts";
import { findSupervisor, notRunning, supervisorDied, waitGone } from "./running.ts";

/** What is asked for is cut where it is made; this only bounds a mistake. */
const MAX_ANSWER_LENGTH = 256 * 1024 * 1024;

/** The sockets of a process that is killed close before it is gone. */
const GONE_MS = 500;

/**
 * An upgrade or an expression may take as long as it likes. But a supervisor that says nothing for so
 * long is asked whether it is there at all, and one that stands still (SIGSTOP, a disk that hangs) is not.
 */
const SILENT_MS = 8_000;
const PONG_MS = 8_000;

type DistributiveOmit<T, K extends PropertyKey> = T extends unknown ? Omit<T, K> : never;
export type Request = DistributiveOmit<ControlRequest, "format">;

/**
 * A failure in the supervisor, in its own words: it may be newer than this control program and
 * know errors that are not in our table.
 */
export class RemoteError extends Error {
  readonly json: ErrorJson;
  /** What came with it: the report of an upgrade that failed. */
  readonly value: unknown;

  constructor(json: ErrorJson, value: unknown) {
    super(json.message);
    this.json = json;
    this.value = value;
  }
}

export interface Exchange {
  onEvent?: (event: ControlEvent) => void;
  /** For `console`: called once connected. */
  onOpen?: (send: (request: Request) => void) => void;
  /** Without an answer by then the supervisor counts as unreachable; by default it must answer a ping. */
  timeoutMs?: number;
}

/**
 * Sends one request and resolves with the value of its `done`.
 * @throws TSUGI_NOT_RUNNING, TSUGI_SUPERVISOR_DIED, TSUGI_CONTROL_UNREACHABLE, RemoteError
 */
export async function ask(
  layout: Layout,
  request: Request,
  exchange: Exchange = {},
): Promise<unknown> {
  const supervisor = await findSupervisor(layout);
  if (supervisor === undefined) throw notRunning(layout);
  try {
    return await converse(layout, request, exchange);
  } catch (error) {
    if (!(error instanceof Disconnected)) throw error;
    if (!isAlive(supervisor) && !error.hadConnected) throw notRunning(layout);
    if (error.hadAnswered && (await waitGone([supervisor], GONE_MS))) {
      throw supervisorDied(layout, supervisor.pid);
    }
    const details = { pid: supervisor.pid, problem: error.message, bin: layout.bin };
    // One that has taken the question and breaks off is no one that hangs.
    const code = error.hadAnswered ? "TSUGI_CONTROL_BROKEN" : "TSUGI_CONTROL_UNREACHABLE";
    throw new TsugiError(code, details, { cause: error });
  }
}

class Disconnected extends Error {
  readonly hadConnected: boolean;
  /** It has closed the connection, or said something else: it turns. */
  readonly hadAnswered: boolean;

  constructor(message: string, hadConnected: boolean, hadAnswered = false) {
    super(message);
    this.hadConnected = hadConnected;
    this.hadAnswered = hadAnswered;
  }
}

function connect(layout: Layout): Socket {
  try {
    return connectControl(layout);
  } catch (error) {
    throw new Disconnected((error as Error).message, false);
  }
}

function converse(layout: Layout, request: Request, exchange: Exchange): Promise<unknown> {
  const socket = connect(layout);
  return new Promise((resolve, reject) => {
    let connected = false;
    const fail = (problem: string) => reject(new Disconnected(problem, connected));
    const broken = (problem: string) => reject(new Disconnected(problem, connected, connected));
    const send = (next: Request) => socket.write(encodeLine({ format: CONTROL_FORMAT, ...next }));
    const decoder = new LineDecoder(
      (value) => {
        const event = value as ControlEvent;
        if (event.event === "done") resolve(event.value);
        else if (event.event === "error") reject(new RemoteError(event.error, event.value));
        else exchange.onEvent?.(event);
        if (event.event === "done" || event.event === "error") socket.destroy();
      },
      broken,
      MAX_ANSWER_LENGTH,
    );
    const { timeoutMs } = exchange;
    socket.setTimeout(timeoutMs ?? SILENT_MS, async () => {
      if (timeoutMs === undefined && (await answersPing(layout))) {
        if (!socket.destroyed) socket.setTimeout(SILENT_MS);
        return;
      }
      fail(`no answer within ${timeoutMs ?? SILENT_MS + PONG_MS} ms`);
      socket.destroy();
    });
    socket.setEncoding("utf8");
    socket.once("connect", () => {
      connected = true;
      send(request);
      exchange.onOpen?.(send);
    });
    socket.on("data", (chunk) => decoder.push(String(chunk)));
    socket.on("error", (error) => broken(error.message));
    socket.on("close", () => broken("the connection was closed before the answer"));
  });
}

/** Also where no connection comes about: then it is not what stands still. */
async function answersPing(layout: Layout): Promise<boolean> {
  try {
    await converse(layout, { verb: "ping" }, { timeoutMs: PONG_MS });
    return true;
  } catch (error) {
    const isSilent = error instanceof Disconnected && error.hadConnected && !error.hadAnswered;
    return !isSilent;
  }
}
