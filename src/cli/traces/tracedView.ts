/** A deploy that is shown, and becomes a trace where OpenTelemetry says where traces go. */
import { messageOf } from "../../contract/errors.ts";
import type { DeployEvent, DeployResult } from "../../deploy/index.ts";
import type { DeployView } from "../deployView/view.ts";
import { printLine } from "../output.ts";
import { SpanRecorder, type TraceSpan } from "./spans.ts";

/** As the ecosystem names it: also for traces alone. */
const ENDPOINTS = ["OTEL_EXPORTER_OTLP_ENDPOINT", "OTEL_EXPORTER_OTLP_TRACES_ENDPOINT"];

/** `what`: deploy, or rollback. */
export function traced(view: DeployView, what: string): DeployView {
  const isWanted = ENDPOINTS.some((name) => process.env[name]);
  if (!isWanted || process.env.OTEL_SDK_DISABLED === "true") return view;
  const recorder = new SpanRecorder(Date.now());
  const finish = (result: DeployResult | undefined, error?: string) =>
    void send(recorder.end(what, Date.now(), result, error));
  return {
    show: (event: DeployEvent) => {
      recorder.hear(event, Date.now());
      view.show(event);
    },
    rest: () => view.rest(),
    ask: (question) => view.ask(question),
    confirm: (plan, version) => view.confirm(plan, version),
    end: (result) => {
      view.end(result);
      if (!result.dryRun) finish(result);
    },
    failed: (error) => {
      view.failed(error);
      finish(undefined, messageOf(error));
    },
  };
}

/** What became of the deploy has been said: a trace that can't be sent changes nothing of it. */
async function send(span: TraceSpan): Promise<void> {
  try {
    const { exportSpan } = await import("./export.ts");
    await exportSpan(span);
  } catch (error) {
    const isMissing = (error as NodeJS.ErrnoException).code === "ERR_MODULE_NOT_FOUND";
    const install =
      "npm install --save-dev @opentelemetry/sdk-trace-base @opentelemetry/exporter-trace-otlp-http";
    printLine(`No trace was sent: ${isMissing ? install : messageOf(error)}`);
  }
}
