/** Spans to wherever OTEL_* says, by OpenTelemetry's own packages. Loaded where a trace is wanted. */
import { type Context, ROOT_CONTEXT, SpanStatusCode, type Tracer, trace } from "@opentelemetry/api";
import { OTLPTraceExporter } from "@opentelemetry/exporter-trace-otlp-http";
import {
  defaultResource,
  detectResources,
  envDetector,
  resourceFromAttributes,
} from "@opentelemetry/resources";
import {
  BasicTracerProvider,
  InMemorySpanExporter,
  type ReadableSpan,
  SimpleSpanProcessor,
} from "@opentelemetry/sdk-trace-base";
import type { TraceSpan } from "./spans.ts";

/** @throws what the exporter has failed with */
export async function exportSpan(span: TraceSpan): Promise<void> {
  const made = new InMemorySpanExporter();
  const provider = new BasicTracerProvider({
    resource: defaultResource()
      .merge(resourceFromAttributes({ "service.name": "tsugi" }))
      .merge(detectResources({ detectors: [envDetector] })),
    spanProcessors: [new SimpleSpanProcessor(made)],
  });
  add(provider.getTracer("tsugi"), span, ROOT_CONTEXT);
  await provider.forceFlush();
  await sent(made.getFinishedSpans());
}

function add(tracer: Tracer, from: TraceSpan, parent: Context): void {
  const { name, startMs, endMs, attributes, error, children } = from;
  const span = tracer.startSpan(name, { startTime: startMs, attributes }, parent);
  if (error !== undefined) span.setStatus({ code: SpanStatusCode.ERROR, message: error });
  for (const child of children) add(tracer, child, trace.setSpan(parent, span));
  span.end(endMs);
}

/** All at once: a deploy is over when it is told. */
async function sent(spans: ReadableSpan[]): Promise<void> {
  const exporter = new OTLPTraceExporter();
  await new Promise<void>((resolve, reject) => {
    exporter.export(spans, ({ code, error }) => {
      if (code === 0) resolve();
      else reject(error ?? new Error("the collector did not take it"));
    });
  });
  await exporter.shutdown();
}
