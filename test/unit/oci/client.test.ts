import assert from "node:assert/strict";
import { randomBytes } from "node:crypto";
import { once } from "node:events";
import { createServer, type RequestListener, type ServerResponse } from "node:http";
import type { AddressInfo } from "node:net";
import { describe, type TestContext, test } from "node:test";
import { OciClient } from "../../../src/oci/client.ts";
import { digestOf } from "../../../src/oci/source.ts";

async function listening(t: TestContext, answer: RequestListener): Promise<string> {
  const server = createServer(answer).listen(0, "127.0.0.1");
  t.after(() => server.close());
  await once(server, "listening");
  return `127.0.0.1:${(server.address() as AddressInfo).port}`;
}

test("a list of tags that leads back to itself is an error, and ends", async (t) => {
  const host = await listening(t, (_request, response) => {
    response.setHeader("link", '</v2/team/app/tags/list?last=b>; rel="next"');
    response.end('{"tags":["a","b"]}');
  });
  const client = new OciClient({ host, repository: "team/app" });
  await assert.rejects(client.tags(), /list of tags has no end/);
});

test("calls that are refused at once ask for one token", async (t) => {
  const refused: ServerResponse[] = [];
  let tokens = 0;
  const host = await listening(t, ({ url, headers }, response) => {
    if (url?.startsWith("/token")) {
      tokens += 1;
      response.end('{"token":"of-now"}');
    } else if (headers.authorization === "Bearer of-now") {
      response.end();
    } else if (refused.push(response) === 3) {
      for (const one of refused) {
        one.writeHead(401, { "www-authenticate": `Bearer realm="http://${host}/token"` }).end();
      }
    }
  });
  const client = new OciClient({ host, repository: "team/app" });
  const digests = ["1", "2", "3"].map((digit) => `sha256:${digit.repeat(64)}`);
  const found = await Promise.all(digests.map((digest) => client.has(digest)));
  assert.deepEqual([found, tokens], [[true, true, true], 1]);
});

describe("over a line that breaks again and again", () => {
  const PIECE = 64 << 10;
  const CUTS = 6;
  const bytes = randomBytes(PIECE * CUTS);
  const content = { digest: digestOf(bytes), size: bytes.length };

  /** @returns what was read, and from where each answer came */
  async function read(t: TestContext, from: (first: number, count: number) => [number, number]) {
    const asked: number[] = [];
    const host = await listening(t, ({ headers, socket }, response) => {
      const first = Number(/bytes=(\d+)-/.exec(headers.range ?? "")?.[1] ?? 0);
      asked.push(first);
      const [start, end] = from(first, asked.length);
      const range = { "content-range": `bytes ${start}-${bytes.length - 1}/${bytes.length}` };
      response.writeHead(first > 0 && start > 0 ? 206 : 200, {
        "content-length": bytes.length - start,
        ...(start > 0 ? range : {}),
      });
      response.write(bytes.subarray(start, end), () => end < bytes.length && socket.destroy());
    });
    const parts: Uint8Array[] = [];
    await new OciClient({ host, repository: "team/app" }).read(content, async () => {
      parts.length = 0;
      return async (chunk) => void parts.push(chunk);
    });
    return { whole: Buffer.concat(parts), asked };
  }

  test("a layer goes on where it was cut off, for as long as something comes", async (t) => {
    const { whole, asked } = await read(t, (first) => [first, first + PIECE]);
    assert.deepEqual(whole, bytes);
    assert.deepEqual([asked[0], asked[1]! > 0, asked.length >= CUTS], [0, true, true]);
  });

  test("of a registry that knows no ranges it comes from the beginning", async (t) => {
    const { whole, asked } = await read(t, (_, count) => [0, PIECE * count]);
    assert.deepEqual(whole, bytes);
    assert.equal(asked.length, CUTS);
  });

  test("another part than was asked for is not taken", async (t) => {
    const { whole } = await read(t, (first, count) => [
      first === 0 ? 0 : first - 1,
      count > 2 ? bytes.length : PIECE,
    ]);
    assert.deepEqual(whole, bytes);
  });

  test("where nothing more comes it ends", async (t) => {
    await assert.rejects(
      read(t, (first) => [first, PIECE]),
      /\(5 attempts\)/,
    );
  });

  test("an upload goes on for as long as the registry takes something", async (t) => {
    const piece = 8 << 20;
    let [has, calls] = [0, 0];
    const host = await listening(t, (request, response) => {
      const { method, socket } = request;
      if (method === "PATCH" && calls++ % 2 === 1) return void socket.destroy();
      if (method === "PATCH") has += piece;
      const range = {
        range: `0-${Math.max(0, has - 1)}`,
        location: "/v2/team/app/blobs/uploads/1",
      };
      const status = { POST: 202, PATCH: 202, GET: 204 }[String(method)] ?? 201;
      request.resume().on("end", () => response.writeHead(status, range).end());
    });
    const body = new Blob(Array.from({ length: CUTS }, () => Buffer.alloc(piece)));
    await new OciClient({ host, repository: "team/app" }).put(`sha256:${"1".repeat(64)}`, body);
    assert.equal(has, body.size);
  });
});
