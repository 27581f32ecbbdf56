/** What the workers inherit: the host's environment without what is only for tsugi or systemd. */
export function hostEnvironment(): Record<string, string> {
  const own = new Set([
    ...["NOTIFY_SOCKET", "WATCHDOG_USEC", "WATCHDOG_PID"],
    ...["NODE_CHANNEL_FD", "NODE_CHANNEL_SERIALIZATION_MODE"],
  ]);
  const entries = Object.entries(process.env).filter(
    ([key, value]) => value !== undefined && !own.has(key) && !key.startsWith("TSUGI_"),
  );
  return Object.fromEntries(entries) as Record<string, string>;
}
