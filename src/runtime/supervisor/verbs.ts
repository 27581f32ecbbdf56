/** What each verb of the control socket does. */

import { defined } from "../../contract/checks.ts";
import { TsugiError } from "../../contract/errors.ts";
import type { ControlRequest } from "../../protocol/control.ts";
import { openConsole } from "./console.ts";
import type { ControlClient } from "./controlServer.ts";
import { statusOf } from "./status.ts";
import type { Supervisor } from "./supervisor.ts";
import type { Upgrades } from "./upgrades.ts";
import type { WorkerHandle } from "./workerHandle.ts";

/** `rpc` may wait for a promise as long as it wants; this only bounds a forgotten one. */
const RPC_MS = 24 * 3_600_000;

/** What a stop tells. */
export interface Stopped {
  states: string[];
  /** Log lines that were lost since the start. */
  logDropped: number;
  /** Beside the workers: what was ended with them, and what could not be. */
  ended: string[];
  running: string[];
  /** Answers that were under way still when the time was over. */
  cut: string[];
}

export interface VerbContext {
  supervisor: Supervisor;
  upgrades: Upgrades;
  /** Stops everything; the process ends afterwards. */
  stop: () => Promise<Stopped>;
}

export async function runVerb(
  context: VerbContext,
  request: ControlRequest,
  client: ControlClient,
): Promise<unknown> {
  const { supervisor, upgrades } = context;
  switch (request.verb) {
    case "ping":
      return pong(supervisor);
    case "status":
      return statusOf(supervisor, upgrades, request.measure === true);
    case "metrics":
      return (await import("./metrics/text.ts")).currentMetrics(supervisor, upgrades);
    case "stop":
      return context.stop();
    case "reload": {
      const { version } = supervisor.current;
      const { wait = false } = request;
      return upgrades.run({ version, options: { wait }, reload: true }, client.send);
    }
    case "upgrade":
      return upgrade(upgrades, request, client);
    case "commit":
      return decideOrThrow(upgrades, "commit");
    case "rpc":
      return evaluate(supervisor, request);
    case "console":
      return openConsole(findWorker(supervisor, request.process, request.slot), request, client);
    case "unpack":
    case "remove":
    case "prune":
      return changeReleases(supervisor, request);
    default:
      throw new TsugiError("TSUGI_USAGE", {
        problem: `The running supervisor does not know "${request.verb}".`,
        help: "It may be of another version than this bin: bin/<app> version",
      });
  }
}

async function upgrade(
  upgrades: Upgrades,
  request: Extract<ControlRequest, { verb: "upgrade" }>,
  client: ControlClient,
): Promise<unknown> {
  const { version, options } = request;
  if (request.direction === "rollback" && upgrades.installed) {
    return upgrades.decide("handBack");
  }
  const rollback = request.direction === "rollback";
  if (!options.installOnly) return upgrades.run({ version, options, rollback }, client.send);
  // `install` answers when the release is installed; the upgrade itself waits for its commit.
  return new Promise((resolve, reject) => {
    const send: ControlClient["send"] = (event) => {
      client.send(event);
      if (event.event === "step" && event.name === "installed") {
        resolve({ version, status: "current" });
      }
    };
    upgrades.run({ version, options }, send).then(resolve, reject);
  });
}

async function decideOrThrow(upgrades: Upgrades, decision: "commit" | "handBack") {
  const report = await upgrades.decide(decision);
  if (report !== null) return report;
  throw new TsugiError("TSUGI_NOTHING_TO_COMMIT", {});
}

function findWorker(supervisor: Supervisor, process?: string, slot = 0): WorkerHandle {
  const found = supervisor.current.slots.find(
    (one) => (process === undefined || one.process.name === process) && one.index === slot,
  );
  if (found?.worker.exit === null) return found.worker;
  throw new TsugiError("TSUGI_NO_SUCH_WORKER", { process: process ?? "main", slot });
}

async function evaluate(
  supervisor: Supervisor,
  request: Extract<ControlRequest, { verb: "rpc" }>,
): Promise<unknown> {
  const worker = findWorker(supervisor, request.process, request.slot);
  const { expression, maxBytes } = request;
  const asked = { type: "evaluate", expression, ...defined({ maxBytes }) } as const;
  return worker.request(asked, { timeoutMs: RPC_MS });
}

/** A running supervisor is the only writer of `releases/`. */
async function changeReleases(
  supervisor: Supervisor,
  request: Extract<ControlRequest, { verb: "unpack" | "remove" | "prune" }>,
): Promise<unknown> {
  const handler = await supervisor.parts.loadHandler();
  if (request.verb === "unpack") {
    const { version, source, force, delta } = request;
    return handler.unpack(defined({ version, source, force, delta }));
  }
  if (request.verb === "prune") {
    return { removed: await handler.prune(request.keep, [supervisor.current.version]) };
  }
  if (request.version === supervisor.current.version) {
    throw new TsugiError("TSUGI_RELEASE_IN_USE", { version: request.version });
  }
  await handler.remove(request.version);
  return { removed: [request.version] };
}

/** Health checks of containers ask: "pong" is for one that serves. @throws TSUGI_STARTING, TSUGI_STOPPING */
function pong(supervisor: Supervisor): "pong" {
  const { state, stopping } = supervisor;
  if (stopping !== undefined || state === "booting") throw supervisor.notServing();
  return "pong";
}
