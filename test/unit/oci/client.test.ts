import assert from "node:assert/strict";
import { once } from "node:events";
import { createServer, type RequestListener, type ServerResponse } from "node:http";
import type { AddressInfo } from "node:net";
import { type TestContext, test } from "node:test";
import { OciClient } from "../../../src/oci/client.ts";

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
