/** Which hosts a screen has room for. Lines above its upper edge can't be drawn again. */

export interface Row {
  text: string;
  /** Of the step that goes on; undefined while the host waits. */
  since: number | undefined;
  failed: boolean;
}

/** All, or those that have failed and those at work first; the others are counted in `rest`. */
export function fitting(
  hosts: string[],
  rowOf: (host: string) => Row,
  height: number,
): { shown: string[]; rest: string[] } {
  if (hosts.length <= height) return { shown: hosts, rest: [] };
  const rank = (host: string) => {
    const { failed, since } = rowOf(host);
    return failed ? 0 : since === undefined ? 2 : 1;
  };
  const ranked = [...hosts].sort((a, b) => rank(a) - rank(b));
  const others = ranked.splice(Math.max(0, height - 1));
  const working = others.filter((host) => rank(host) === 1).length;
  const atWork = working === 0 ? "" : `, ${working} of them at work`;
  return { shown: ranked, rest: [`  … and ${others.length} more hosts${atWork}`] };
}
