/** The working directory is the application's folder, not written to; what is shared lives in var/. */
import assert from "node:assert/strict";
import { existsSync, lstatSync, readFileSync, realpathSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { after, test } from "node:test";
import { hostOf, release, writeProject } from "../helpers/anyProject.ts";
import { temporaryFolder } from "../helpers/projects.ts";

const { folder: base, remove } = temporaryFolder("folder");
after(remove);

const SERVER = `
import { createServer } from "node:http";
import { appendFile } from "node:fs/promises";
import { createWriteStream, existsSync, mkdirSync, readFileSync, writeFileSync } from "node:fs";
const routes = {
  "/public": () => readFileSync("public/page.txt", "utf8"),
  "/cwd": () => process.cwd(),
  "/upload": () => { mkdirSync("uploads", { recursive: true }); writeFileSync("uploads/a.txt", "kept"); return "done"; },
  "/uploaded": () => readFileSync("uploads/a.txt", "utf8"),
  "/note": async () => { await appendFile("data.db", "x"); return readFileSync("data.db", "utf8"); },
  "/lost": () => { writeFileSync("lost.txt", ""); return "written"; },
  "/beside": () => { writeFileSync(new URL("./lost.txt", import.meta.url), ""); return "written"; },
  "/stream": () => new Promise((resolve) => createWriteStream("lost.log").on("error", ({ code }) => resolve(code))),
  "/mkdir": () => { mkdirSync("public", { recursive: true }); return "there"; },
};
createServer(async (request, response) => {
  try { response.end(await routes[request.url]()); }
  catch (error) { console.error(error.message); response.writeHead(500).end(error.message); }
}).listen(process.env.PORT);
`;

const packageOf = (version: string) => ({
  name: "folders",
  version,
  type: "module",
  scripts: { start: "node server.js" },
});

test("relative paths are those of the project; a write fails loudly, and shared ones last", async (t) => {
  const folder = writeProject(join(base, "own"), {
    "package.json": packageOf("1.0.0"),
    "tsugi.config.json": { shared: ["uploads", "data.db"] },
    "server.js": SERVER,
    "public/page.txt": "first",
    "uploads/of-the-developer.txt": "not packed",
  });
  const first = await release(folder);
  assert.match(first.said, /uploads lives in var\//);
  const { host, has, get } = await hostOf(first, base);
  await host.must("start");
  t.after(() => host.app("stop"));
  const app = (version: string) => join(host.root, "lib", `folders-${version}`);

  await has("/public", "first");
  await has("/cwd", app("1.0.0"));
  await has("/upload", "done");
  await has("/mkdir", "there");
  await has("/note", "^x$");
  assert.equal(readFileSync(join(host.root, "var/uploads/a.txt"), "utf8"), "kept");
  assert.ok(!existsSync(join(host.root, "var/uploads/of-the-developer.txt")));
  for (const path of ["/lost", "/beside"]) {
    const { status, text } = await get(path);
    assert.equal(status, 500);
    assert.match(text, /EROFS.*lost\.txt.*shared: \["lost\.txt"\]/);
  }
  await has("/stream", "EROFS");
  assert.match((await host.must("logs")).stdout, /shared: \["lost\.txt"\]/);
  assert.ok(!existsSync(join(app("1.0.0"), "lost.txt")));

  writeProject(folder, { "package.json": packageOf("1.1.0"), "public/page.txt": "second" });
  const second = await release(folder);
  await host.must("upgrade", second.tarball);
  await has("/public", "second");
  await has("/cwd", app("1.1.0"));
  await has("/uploaded", "kept");
  await has("/note", "^xx$");
  assert.ok(lstatSync(join(app("1.1.0"), "data.db")).isSymbolicLink());

  // As an addon writes, which asks nobody.
  writeFileSync(join(app("1.0.0"), "by-an-addon.sqlite"), "rows");
  await host.must("remove", "1.0.0");
  assert.ok(!existsSync(app("1.0.0")));
  const kept = join(host.root, "var/left-by-folders-1.0.0/by-an-addon.sqlite");
  assert.equal(readFileSync(kept, "utf8"), "rows");
});

test("in a swap the process changes its folder when the new version serves", async (t) => {
  const project = (version: string) => ({
    "package.json": { name: "swapping", version, type: "module" },
    "src/server.ts": `import { createServer } from "node:http";
import { readFileSync } from "node:fs";
import { hot } from "tsugi/hot";
hot.accept();
createServer((_, response) => void response.end(readFileSync("public/page.txt", "utf8") + process.pid)).listen(process.env.PORT);
`,
    "public/page.txt": `${version} `,
  });
  const folder = writeProject(join(base, "swap"), project("1.0.0"));
  const { host, get } = await hostOf(await release(folder), base);
  await host.must("start");
  t.after(() => host.app("stop"));
  const before = (await get("/")).text;
  assert.match(before, /^1\.0\.0 /);
  writeProject(folder, project("1.1.0"));
  const { stdout } = await host.must("upgrade", (await release(folder)).tarball);
  assert.match(stdout, /swap/);
  const pid = before.split(" ")[1];
  assert.equal((await get("/")).text, `1.1.0 ${pid}`);
  await host.must("rollback");
  assert.equal((await get("/")).text, before);
  assert.equal(realpathSync(`/proc/${pid}/cwd`), join(host.root, "lib", "swapping-1.0.0"));
});
