import assert from "node:assert/strict";
import { describe, test } from "node:test";
import { main, sentences } from "../../../src/view/page.ts";
import { viewFactsOf } from "../../helpers/viewFacts.ts";

describe("the page", () => {
  test("says what happened, how long anybody waited and what is left", () => {
    const [runs, last] = sentences(viewFactsOf(1));
    assert.equal(runs, "2.0.0 on 1 host, all healthy.");
    assert.equal(
      last,
      "Last upgrade: 1.2.0 → 2.0.0 on web1.eu-west.example.net. Nobody waited longer than 60 ms, " +
        "0 connections lost, nothing is left of the old version.",
    );
  });

  test("tells an upgrade of many hosts once, by the one that waited longest", () => {
    const facts = viewFactsOf(50);
    const [runs, last] = sentences(facts);
    assert.equal(runs, "2.0.0 on 49 of 50 hosts, 1 of 50 not healthy: web50.eu-west.example.net.");
    assert.match(last!, /on 49 hosts\. Nobody waited longer than 90 ms/);
    assert.equal(main(facts).match(/<details/g)?.length, 3);
    assert.match(main(facts), /History of 3 upgrades/);
  });

  test("says of an upgrade that went back what serves, and how long anybody waited all the same", () => {
    const facts = viewFactsOf(1);
    facts.hosts[0]!.upgrades.at(-1)!.result = "handed-back";
    const [, last] = sentences(facts);
    assert.match(last!, /was handed back: the old version serves again\. Nobody waited longer/);
    assert.doesNotMatch(last!, /nothing is left/);
  });

  test("says so where nobody could be asked", () => {
    const facts = viewFactsOf(2);
    const nobody = { ...facts, hosts: facts.hosts.slice(1) };
    assert.deepEqual(sentences(nobody), ["1 host could not be asked."]);
  });

  test("says the domain of all hosts once", () => {
    const html = main(viewFactsOf(5));
    assert.match(html, /hosts in eu-west\.example\.net/);
    assert.match(html, /<th scope="row">web4<\/th>/);
    const mixed = viewFactsOf(2);
    mixed.hosts[1]!.host = "other.example.org";
    assert.match(main(mixed), /<th scope="row">web1\.eu-west\.example\.net<\/th>/);
  });

  test("shows the waves of the last deploy one after the other", () => {
    const html = main(viewFactsOf(5));
    assert.match(html, /4 hosts, in 2 waves/);
    const starts = [...html.matchAll(/class="bar" style="left:([\d.]+)%/g)].map(([, at]) => at);
    assert.deepEqual(starts.slice(0, 2), ["0.00", "49.98"]);
  });
});
