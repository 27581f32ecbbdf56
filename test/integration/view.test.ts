/** `tsugi view` of an environment that has been upgraded, looked at in a browser. */
import assert from "node:assert/strict";
import { spawn } from "node:child_process";
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, before, describe, test } from "node:test";
import { pathToFileURL } from "node:url";
import type { Browser } from "playwright-core";
import { page as renderPage } from "../../src/view/page.ts";
import { accessibilityProblems, complaintsOf, openBrowser } from "../helpers/browser.ts";
import { projectRoot, tsugiCli } from "../helpers/example.ts";
import { type BuiltRelease, buildVariant } from "../helpers/fixtureReleases.ts";
import { Installed, until } from "../helpers/installed.ts";
import { mustTsugi } from "../helpers/projects.ts";
import { viewFactsOf } from "../helpers/viewFacts.ts";

describe("the page", () => {
  const folder = mkdtempSync(join(tmpdir(), "tsugi-view-"));
  const file = join(folder, "page.html");
  let one: BuiltRelease;
  let host: Installed;
  let browser: Browser;

  before(async () => {
    one = await buildVariant(join(folder, "one"), { fixture: "counter-accepts-1.0.0" });
    const two = await buildVariant(join(folder, "two"), { fixture: "counter-accepts-1.1.0" });
    host = await Installed.start(one);
    host.drop(two);
    await host.host.must("upgrade", "1.1.0");
    const here = { host: "<b>here</b>", local: true, root: host.root };
    const gone = { host: "gone", local: true, root: join(folder, "nowhere") };
    const config = { name: "counter", environments: { here: { hosts: [here, gone] } } };
    writeFileSync(join(folder, "tsugi.config.json"), JSON.stringify(config));
    await mustTsugi(["view", "here", "--out", file, "--next", one.tarball], folder);
    browser = await openBrowser();
  });
  after(async () => {
    await browser?.close();
    await host?.remove();
    rmSync(folder, { recursive: true, force: true });
  });

  const open = async (colorScheme: "light" | "dark", width: number) => {
    const page = await browser.newPage({ colorScheme, viewport: { width, height: 900 } });
    const complaints = complaintsOf(page);
    await page.goto(pathToFileURL(file).href);
    return { page, complaints };
  };

  test("says first what runs, how long anybody waited and what is left", async () => {
    const { page, complaints } = await open("light", 1000);
    assert.equal(await page.textContent("h1"), "counter in here");
    const answers = await page.locator(".answer").allTextContents();
    assert.match(answers[0]!, /^2 versions on 2 hosts, 1 of 2 not healthy: gone\.$/);
    assert.match(
      answers[1]!,
      /^Last upgrade: 1\.0\.0 → 1\.1\.0 on <b>here<\/b>\. Nobody waited longer/,
    );
    assert.match(answers[1]!, /0 connections lost, nothing is left of the old version\.$/);
    assert.equal(await page.locator("h2").first().textContent(), "2 hosts");
    assert.match((await page.textContent("#plan h2"))!, /^Next: 1\.1\.0 → 1\.0\.0, swap$/);
    const steps = await page.locator("#upgrades .bars .name").allTextContents();
    const report = JSON.parse(readFileSync(join(host.root, "log", "upgrades.jsonl"), "utf8"));
    assert.deepEqual(
      steps,
      report.steps.map(({ name }: { name: string }) => name),
    );
    assert.equal(await page.locator(".marked").count(), steps.length);
    assert.deepEqual(complaints, []);
    await page.close();
  });

  for (const colorScheme of ["light", "dark"] as const) {
    for (const width of [400, 800, 1400]) {
      test(`can be read in ${colorScheme} at ${width} px`, async () => {
        const { page } = await open(colorScheme, width);
        const wide = await page.evaluate("document.documentElement.scrollWidth");
        assert.ok(Number(wide) <= width, `${wide} px wide`);
        assert.deepEqual(await accessibilityProblems(page), []);
        await page.close();
      });
    }
  }

  for (const count of [1, 5, 50]) {
    test(`has room for ${count} host${count === 1 ? "" : "s"} at each width`, async () => {
      const style = readFileSync(join(projectRoot, "src", "view", "style.css"), "utf8");
      writeFileSync(join(folder, "many.html"), renderPage(viewFactsOf(count), { style }));
      const page = await browser.newPage();
      await page.goto(pathToFileURL(join(folder, "many.html")).href);
      for (const width of [400, 800, 1400]) {
        await page.setViewportSize({ width, height: 900 });
        const wide = await page.evaluate("document.documentElement.scrollWidth");
        assert.ok(Number(wide) <= width, `${wide} px wide at ${width}`);
      }
      assert.deepEqual(await accessibilityProblems(page), []);
      await page.close();
    });
  }

  test("an install root of this machine will do in place of an environment", async () => {
    const { stdout } = await mustTsugi(["view", host.root, "--json", "--out", file], folder);
    const { app, environment, hosts } = JSON.parse(stdout);
    assert.deepEqual([app, environment, hosts.length], ["counter", host.root, 1]);
    await mustTsugi(["view", "here", "--out", file, "--next", one.tarball], folder);
  });

  test("opens and closes an upgrade by the keyboard", async () => {
    const { page } = await open("light", 1000);
    const isOpen = () => page.evaluate("document.querySelector('details').open");
    await page.keyboard.press("Tab");
    assert.equal(await page.evaluate("document.activeElement.tagName"), "SUMMARY");
    assert.equal(await isOpen(), true);
    await page.keyboard.press("Enter");
    assert.equal(await isOpen(), false);
    await page.close();
  });

  test("needs no network and no script", async () => {
    const html = readFileSync(file, "utf8");
    assert.doesNotMatch(html, /<script|src=|https?:\/\//);
  });

  test("is live on loopback, for whoever has the token", async () => {
    const child = spawn(process.execPath, [tsugiCli, "view", "here", "--live"], { cwd: folder });
    const exited = new Promise((resolve) => child.once("exit", resolve));
    let output = "";
    for (const stream of [child.stdout, child.stderr]) {
      stream.on("data", (chunk) => {
        output += chunk;
      });
    }
    try {
      const address = await until("it is served", () => /http:\S+/.exec(output)?.[0]);
      const { status } = await fetch(address.replace(/token=.*/, "token=guessed"));
      assert.equal(status, 403);
      const page = await browser.newPage();
      const complaints = complaintsOf(page);
      await page.goto(address);
      await page.getByText("Last upgrade: 1.0.0 → 1.1.0").waitFor();
      await host.host.must("downgrade", "1.0.0");
      await page.getByText("Last upgrade: 1.1.0 → 1.0.0").waitFor();
      assert.deepEqual(complaints, []);
      await page.close();
    } finally {
      child.kill("SIGINT");
      assert.equal(await exited, 0, output);
    }
  });
});
