import type { IncomingMessage, ServerResponse } from "node:http";
import { version } from "./version.ts";

const MAX_BODY_BYTES = 64 * 1024;

/** Thrown by a handler; the client is told. */
export class HttpError extends Error {
  readonly status: number;

  constructor(status: number, message: string) {
    super(message);
    this.status = status;
  }
}

export interface Call {
  request: IncomingMessage;
  /** Named groups of the route's pattern, decoded. */
  params: Record<string, string>;
  query: URLSearchParams;
}

export interface Answer {
  status?: number;
  body: unknown;
}

export type Handler = (call: Call) => Promise<Answer> | Answer;
export type Route = [method: string, path: RegExp, handler: Handler];

/** Turns a table of routes into what `http.createServer` takes. */
export function serve(routes: Route[]) {
  return async (request: IncomingMessage, response: ServerResponse) => {
    const { status = 200, body } = await answer(routes, request).catch(toAnswer);
    const text = Buffer.from(JSON.stringify(body));
    const id = request.headers["x-request-id"];
    if (id !== undefined) response.setHeader("x-request-id", id);
    response.writeHead(status, {
      "content-type": "application/json",
      "content-length": text.length,
      "x-version": version,
    });
    response.end(text);
  };
}

export async function readJson(request: IncomingMessage): Promise<unknown> {
  const chunks: Buffer[] = [];
  let bytes = 0;
  for await (const chunk of request) {
    bytes += chunk.length;
    if (bytes > MAX_BODY_BYTES) throw new HttpError(413, "The body is too long.");
    chunks.push(chunk);
  }
  try {
    return JSON.parse(Buffer.concat(chunks).toString());
  } catch {
    throw new HttpError(400, "The body is not JSON.");
  }
}

async function answer(routes: Route[], request: IncomingMessage): Promise<Answer> {
  const { pathname, searchParams } = new URL(request.url ?? "/", "http://api");
  for (const [method, path, handler] of routes) {
    const match = method === request.method ? path.exec(pathname) : null;
    if (!match) continue;
    const groups = Object.entries(match.groups ?? {});
    const params = Object.fromEntries(groups.map(([k, v]) => [k, decodeURIComponent(v)]));
    return handler({ request, params, query: searchParams });
  }
  throw new HttpError(404, `No ${request.method} ${pathname} here.`);
}

function toAnswer(error: unknown): Answer {
  if (error instanceof HttpError) return { status: error.status, body: { error: error.message } };
  console.error(error);
  return { status: 500, body: { error: "Something broke; the log has it." } };
}
