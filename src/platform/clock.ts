/** Wall-clock milliseconds with a fraction that two processes on one machine can compare. */
export const nowMs = (): number => performance.timeOrigin + performance.now();

/** `inMs`: as it will be then. */
export const isoNow = (inMs = 0): string => new Date(Date.now() + inMs).toISOString();

/** Measures: `const ms = stopwatch(); … ms()`. */
export function stopwatch(): () => number {
  const start = performance.now();
  return () => Math.round((performance.now() - start) * 100) / 100;
}
