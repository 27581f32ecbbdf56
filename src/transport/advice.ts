/** What to do about a host that could not be reached, by what ssh has said: it has no other word for why. */

const ADVICE: readonly (readonly [said: RegExp, advice: string])[] = [
  [
    /REMOTE HOST IDENTIFICATION HAS CHANGED|host key for .* has changed/i,
    "Its host key is another one than before: ask who runs it whether it was set up anew, and only then take the new one",
  ],
  [
    /Host key verification failed|No .* host key is known/i,
    "Its host key is not known here: go there by hand once, and confirm it",
  ],
  [
    /Permission denied|Too many authentication failures/i,
    "It does not let this key in: see which one is offered (ssh-add -l), as which user, and whether it stands in authorized_keys there",
  ],
  [
    /Connection refused/i,
    "Nothing listens there: see whether its sshd runs, and on which port (port in tsugi.config.*, or Port in ~/.ssh/config)",
  ],
  [
    /Could not resolve hostname|Name or service not known/i,
    "Nobody knows that name: correct it in tsugi.config.*, or give it a HostName in ~/.ssh/config",
  ],
  [
    /timed out|No route to host|Network is unreachable/i,
    "Nothing comes back from there: see whether it is up, and whether a firewall or a VPN lies between",
  ],
  [
    /\bE[MN]FILE\b|Too many open files/i,
    "As many files are open here as may be: allow more in this shell (ulimit -n), or deploy to fewer hosts at once",
  ],
  [
    /\bEAGAIN\b|Resource temporarily unavailable/i,
    "As many processes run here as may be: allow more in this shell (ulimit -u), or deploy to fewer hosts at once",
  ],
];

export function adviceFor(said: string): string {
  const found = ADVICE.find(([pattern]) => pattern.test(said));
  return found?.[1] ?? "Go there by hand once, and see what it says";
}
