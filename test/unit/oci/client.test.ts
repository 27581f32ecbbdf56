import assert from "node:assert/strict";
import { once } from "node:events";
import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import { test } from "node:test";
import { OciClient } from "../../../src/oci/client.ts";

test("a list of tags that leads back to itself is an error, and ends", async (t) => {
  const server = createServer((_request, response) => {
    response.setHeader("link", '</v2/team/app/tags/list?last=b>; rel="next"');
    response.end('{"tags":["a","b"]}');
  }).listen(0, "127.0.0.1");
  t.after(() => server.close());
  await once(server, "listening");
  const host = `127.0.0.1:${(server.address() as AddressInfo).port}`;
  const client = new OciClient({ host, repository: "team/app" });
  await assert.rejects(client.tags(), /list of tags has no end/);
});
