/**
 * Preloaded with `--import` into every worker, before the application. It never wraps the entry:
 * `process.argv[1]`, `require.main` and `import.meta.main` are Node's own.
 *
 * Threads and processes that the application starts inherit the preload: for them it only makes
 * `tsugi/hot` resolve, and `hot` is inert.
 */
import { isMainThread } from "node:worker_threads";
import { WORKER_PROTOCOL_FORMAT, type WorkerBoot } from "../../protocol/worker.ts";
import { layoutOf } from "../../release/layout.ts";
import { runApplication } from "../swap/loader.ts";
import { plainTimers } from "../swap/timers.ts";
import { installResolution } from "./resolve.ts";
import { Worker } from "./worker.ts";
import { guardVersions } from "./writeGuard.ts";

const { TSUGI_ROOT: root } = process.env;
if (root !== undefined) guardVersions(root);
const boot = takeBoot();
if (boot !== undefined) keepReportsPrivate(boot);
const worker = boot === undefined ? undefined : new Worker(boot);
installResolution(new URL(".", import.meta.url), (url) => worker?.entryFound(url));
// The start file of a release that can be swapped asks for this.
Object.assign(globalThis, {
  [Symbol.for("tsugi.swap.start")]: (meta: ImportMeta) =>
    worker ? worker.started(meta) : startPlain(meta),
});
worker?.run();

/** A report of Node's holds the whole environment: it goes where the owner alone may look. */
function keepReportsPrivate({ name }: WorkerBoot): void {
  if (root !== undefined && process.report.directory === "") {
    process.report.directory = layoutOf(root, name).log;
  }
}

/** A thread or process that an application starts from its own entry: nothing is ever swapped there. */
async function startPlain(meta: ImportMeta): Promise<void> {
  await runApplication(meta, { hot: undefined, timers: plainTimers });
}

function takeBoot(): WorkerBoot | undefined {
  const text = process.env.TSUGI_WORKER;
  if (text === undefined || !isMainThread || process.send === undefined) return undefined;
  delete process.env.TSUGI_WORKER;
  // The application asks for them as if they had been passed to it.
  if (process.env.LISTEN_FDS !== undefined) process.env.LISTEN_PID = String(process.pid);
  const boot = JSON.parse(text) as WorkerBoot;
  if (boot.format === WORKER_PROTOCOL_FORMAT) return boot;
  process.stderr.write(
    `tsugi: the supervisor speaks worker protocol ${boot.format}, this worker ${WORKER_PROTOCOL_FORMAT}\n`,
  );
  return process.exit(1);
}
