/** Who we are to a registry: its challenges and its token server, as the client of each kind of host takes them. */
import assert from "node:assert/strict";
import { once } from "node:events";
import { createServer, type RequestListener } from "node:http";
import type { AddressInfo } from "node:net";
import { join } from "node:path";
import { after, before, describe, type TestContext, test } from "node:test";
import { TsugiError } from "../../src/contract/errors.ts";
import { OciClient } from "../../src/oci/client.ts";
import { elixirMissing } from "../helpers/beam.ts";
import { mustRun } from "../helpers/commands.ts";
import { compileBeamHost } from "../helpers/handmadeBeam.ts";
import { temporaryFolder } from "../helpers/projects.ts";

const noErlang = await elixirMissing();
const { folder, remove } = temporaryFolder("registry-tokens");
after(remove);

/** What a manifest has, or the code of an error and its words. */
type Client = (host: string) => Promise<string>;

const node: Client = async (host) => {
  const client = new OciClient({ host, repository: "team/app" });
  const found = await client.manifest("1.0.0").catch((error: unknown) => error as TsugiError);
  if (found instanceof TsugiError) return `${found.code}: ${found.message}`;
  return found?.bytes ?? "none";
};

const ASK = `
  {Place, Tag} = tsugi_registry:parse(os:getenv("ASKED")),
  try tsugi_registry:manifest(Place, Tag) of Said -> io:format("~ts", [Said])
  catch throw:{tsugi_error, Code, Details} -> io:format("~ts: ~ts", [Code, maps:get(problem, Details, "")]) end,
  halt().`;

const beam: Client = async (host) => {
  const asked = { ASKED: `oci://${host}/team/app:1.0.0`, TSUGI_ROOT: folder, TSUGI_NAME: "app" };
  const own = { TSUGI_LIB: folder, HOME: folder };
  const env = { ...process.env, ...asked, ...own };
  const ebin = join(folder, "ebin");
  return (await mustRun("erl", ["-noshell", "-pa", ebin, "-eval", ASK], { env })).stdout;
};

/** A registry that wants a token, and what its token server does at each asking; then it gives one. */
async function withTokens(
  t: TestContext,
  trouble: RequestListener[],
  challenge = (realm: string): string | string[] => `Bearer realm="${realm}",service="reg"`,
) {
  const asked: string[] = [];
  const server = createServer((request, response) => {
    const { url, headers } = request;
    if (url?.startsWith("/token")) {
      asked.push(url);
      const next = trouble.shift();
      if (next !== undefined) next(request, response);
      else response.end('{"token":"of-now"}');
    } else if (headers.authorization === "Bearer of-now") response.end("{}");
    else {
      const realm = `http://${headers.host}/token`;
      response.writeHead(401, { "www-authenticate": challenge(realm) as string }).end();
    }
  }).listen(0, "127.0.0.1");
  t.after(() => server.close());
  await once(server, "listening");
  return { asked, host: `127.0.0.1:${(server.address() as AddressInfo).port}` };
}

const answering =
  (status: number): RequestListener =>
  (_request, response) =>
    response.writeHead(status, { "retry-after": "0" }).end();

for (const [kind, ask, skip] of [
  ["Node", node, false],
  ["the BEAM", beam, noErlang],
] as const) {
  describe(`on a host of ${kind}`, { skip }, () => {
    if (kind !== "Node" && !noErlang) before(() => compileBeamHost(join(folder, "ebin")));

    test("a token server that has its moment is asked again, as a registry is", async (t) => {
      const { host, asked } = await withTokens(t, [503, 429, 500].map(answering));
      assert.deepEqual([await ask(host), asked.length], ["{}", 4]);
    });

    test("one that is down, or gives none, is said to be that; one that says no is a login that is lacking", async (t) => {
      for (const [status, words] of [
        [503, /^TSUGI_STORE_FAILED: .*its token server \S+ answered 503/],
        [404, /^TSUGI_STORE_FAILED: .*its token server \S+ answered 404/],
        [200, /^TSUGI_STORE_FAILED: .*answered 200, without a token/],
        [401, /^TSUGI_REGISTRY_DENIED/],
      ] as const) {
        const { host } = await withTokens(t, Array(5).fill(answering(status)));
        assert.match(await ask(host), words);
      }
    });

    test("of several ways to say who we are the token is taken, in whatever order and form they come", async (t) => {
      const bearer = (realm: string) => `Bearer realm="${realm}",service="reg, of ours"`;
      for (const challenge of [
        (realm: string) => [bearer(realm), 'Basic realm="x"'],
        (realm: string) => ['Basic realm="x"', bearer(realm)],
        (realm: string) => `Basic realm="x", ${bearer(realm)}`,
        (realm: string) => `${bearer(realm)}, Basic realm="x, Bearer"`,
        (realm: string) => `Negotiate YII/a==, bearer realm="${realm}", service=reg`,
      ]) {
        const { host, asked } = await withTokens(t, [], challenge);
        assert.equal(await ask(host), "{}");
        assert.match(asked[0]!, /service=reg(%2C\+of\+ours)?(&|$)/);
      }
    });
  });
}

test("a token server whose connection breaks is asked again", async (t) => {
  const { host, asked } = await withTokens(t, [({ socket }) => socket.destroy()]);
  assert.deepEqual([await node(host), asked.length], ["{}", 2]);
});
