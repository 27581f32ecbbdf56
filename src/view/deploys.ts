import type { DeployRecord } from "../deploy/audit.ts";
import { type Bar, bars } from "./bars.ts";
import { type Element, h, section } from "./element.ts";
import { lastDeploy, type ViewFacts } from "./facts.ts";
import { common, counted, duration, moment } from "./words.ts";

interface Deployed {
  host: string;
  record: DeployRecord;
}

/** The last deploy, host by host, wave after wave: how long each took, and what became of it. */
export function deploySection(facts: ViewFacts): Element | false {
  const deployed = lastDeploy(facts);
  const [first] = deployed;
  if (first === undefined) return false;
  const { at, by } = first.record;
  const versions = deployed.map(({ record }) => record.to);
  const waves = new Set(deployed.map(({ record }) => record.wave ?? 1)).size;
  const inWaves = waves > 1 ? `, in ${waves} waves` : "";
  return section(
    "deploy",
    `Last deploy: ${common(versions, "versions")}`,
    h("p", null, `by ${by}, ${moment(at)} UTC, ${counted(deployed.length, "host")}${inWaves}`),
    bars(deployBars(deployed)),
  );
}

/** A wave begins when the last host of the one before it is done. */
function deployBars(deployed: readonly Deployed[]): Bar[] {
  const startOf = (wave: number) => {
    let startMs = 0;
    for (let before = 1; before < wave; before += 1) {
      const times = deployed.filter(({ record }) => record.wave === before).map(msOf);
      startMs += Math.max(0, ...times);
    }
    return startMs;
  };
  return deployed
    .map((one): Bar => {
      const { host, record } = one;
      const { result, action, wave = 1 } = record;
      const ms = msOf(one);
      const failed = !["done", "unchanged", "rolled back"].includes(result);
      const [value, title] = [`${result}, ${duration(ms)}`, `${host}: ${action}, ${result}`];
      return { name: host, startMs: startOf(wave), ms, failed, value, title };
    })
    .sort((a, b) => a.startMs - b.startMs || a.ms - b.ms);
}

const msOf = ({ record }: Deployed): number => record.hostMs ?? record.ms;
