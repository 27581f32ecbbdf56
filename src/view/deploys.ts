import { bars } from "./bars.ts";
import { type Element, h, section } from "./element.ts";
import { lastDeploy, type ViewFacts } from "./facts.ts";
import { common, counted, duration, moment } from "./words.ts";

/** The last deploy, host by host: how long each took, and what became of it. */
export function deploySection(facts: ViewFacts): Element | false {
  const records = lastDeploy(facts).sort((a, b) => a.record.ms - b.record.ms);
  const [first] = records;
  if (first === undefined) return false;
  const { at, by } = first.record;
  const versions = records.map(({ record }) => record.to);
  return section(
    "deploy",
    `Last deploy: ${common(versions, "versions")}`,
    h("p", null, `by ${by}, ${moment(at)} UTC, ${counted(records.length, "host")}`),
    bars(
      records.map(({ host, record: { result, ms, action } }) => ({
        name: host,
        startMs: 0,
        ms,
        failed: !["done", "rolled back"].includes(result),
        value: `${result}, ${duration(ms)}`,
        title: `${host}: ${action}, ${result}`,
      })),
    ),
  );
}
