/** Who we are to a registry: what it asks for in its 401, answered once and again when a token ends. */
import { defined } from "../contract/checks.ts";
import { type Credentials, credentialsOf, IDENTITY_TOKEN } from "./credentials.ts";
import { isLoopback } from "./reference.ts";

const ANSWER_MS = 30_000;

export class Authorization {
  readonly #host: string;
  readonly #repository: string;
  #credentials: Promise<Credentials | undefined> | undefined;
  /** By what it allows: reading, or everything. */
  readonly #headers = new Map<string, string>();
  readonly #asking = new Map<string, Promise<boolean>>();

  constructor(host: string, repository: string) {
    this.#host = host;
    this.#repository = repository;
  }

  header(method: string): string | undefined {
    return this.#headers.get(actionsOf(method));
  }

  /**
   * `sent`: the header of what was refused. Those who are refused at the same moment ask once.
   * @returns whether it is worth asking again
   */
  async answer(refused: Response, method: string, sent: string | undefined): Promise<boolean> {
    const actions = actionsOf(method);
    if (this.#headers.get(actions) !== sent) return true;
    const challenge = refused.headers.get("www-authenticate") ?? "";
    let asking = this.#asking.get(actions);
    asking ??= this.#ask(challenge, actions).finally(() => this.#asking.delete(actions));
    this.#asking.set(actions, asking);
    return asking;
  }

  async #ask(challenge: string, actions: string): Promise<boolean> {
    this.#credentials ??= credentialsOf(this.#host, this.#repository);
    const credentials = await this.#credentials;
    const header = /^basic\b/i.test(challenge)
      ? credentials && basic(credentials)
      : await this.#token(challenge, actions, credentials);
    if (header === undefined || header === this.#headers.get(actions)) return false;
    this.#headers.set(actions, header);
    return true;
  }

  async #token(
    challenge: string,
    actions: string,
    credentials: Credentials | undefined,
  ): Promise<string | undefined> {
    const { realm, service } = parametersOf(challenge);
    if (!/^bearer\b/i.test(challenge) || realm === undefined || !isPrivate(realm)) return undefined;
    const scope = `repository:${this.#repository}:${actions}`;
    const isIdentity = credentials?.user === IDENTITY_TOKEN;
    const url = new URL(realm);
    if (service !== undefined) url.searchParams.set("service", service);
    if (!isIdentity) url.searchParams.set("scope", scope);
    const form = defined({
      grant_type: "refresh_token",
      refresh_token: credentials?.password,
      client_id: "tsugi",
      scope,
      service,
    });
    const answer = await fetch(url, {
      ...(isIdentity ? { method: "POST", body: new URLSearchParams(form as never) } : {}),
      headers: credentials && !isIdentity ? { authorization: basic(credentials) } : {},
      signal: AbortSignal.timeout(ANSWER_MS),
    }).catch(() => undefined);
    const json = (await answer?.json().catch(() => undefined)) as
      | Record<string, unknown>
      | undefined;
    const token = answer?.ok ? (json?.token ?? json?.access_token) : undefined;
    return typeof token === "string" ? `Bearer ${token}` : undefined;
  }
}

/** Credentials go where nobody reads along. */
const isPrivate = (realm: string): boolean => {
  if (!URL.canParse(realm)) return false;
  const { protocol, host } = new URL(realm);
  return protocol === "https:" || (protocol === "http:" && isLoopback(host));
};

const actionsOf = (method: string): string =>
  method === "DELETE" ? "pull,push,delete" : /GET|HEAD/.test(method) ? "pull" : "pull,push";

const basic = ({ user, password }: Credentials): string =>
  `Basic ${Buffer.from(`${user}:${password}`).toString("base64")}`;

/** `Bearer realm="…",service="…"` */
function parametersOf(challenge: string): { realm?: string; service?: string } {
  const found = [...challenge.matchAll(/(\w+)="([^"]*)"/g)].map(([, key, value]) => [key, value]);
  return Object.fromEntries(found) as { realm?: string; service?: string };
}
