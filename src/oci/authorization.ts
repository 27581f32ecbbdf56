/** Who we are to a registry: what it asks for in its 401, answered once and again when a token ends. */
import { defined, recordIn } from "../contract/checks.ts";
import { type Challenge, challengeIn } from "./challenges.ts";
import { type Credentials, IDENTITY_TOKEN, type Login, loginOf } from "./credentials.ts";
import { answered, refusePassing } from "./passing.ts";
import { isLoopback } from "./reference.ts";

/** What a token server answers to a login that is none, or may not do that. */
const DENIALS = [400, 401, 403];

export class Authorization {
  readonly #host: string;
  readonly #repository: string;
  #login: Promise<Login> | undefined;
  /** By what it allows: reading, or everything. */
  readonly #headers = new Map<string, string>();
  readonly #asking = new Map<string, Promise<boolean>>();

  readonly #failed: (problem: string) => Error;

  /** `failed`: what becomes of a token server that does not do its work. */
  constructor(host: string, repository: string, failed: (problem: string) => Error) {
    this.#failed = failed;
    this.#host = host;
    this.#repository = repository;
  }

  header(method: string): string | undefined {
    return this.#headers.get(actionsOf(method));
  }

  /** Of who is refused: why we could not say who we are. */
  async problem(): Promise<string | undefined> {
    return (await this.#login)?.problem;
  }

  /**
   * `sent`: the header of what was refused. Those who are refused at the same moment ask once.
   * @returns whether it is worth asking again
   * @throws Passing where the token server has its moment
   */
  async answer(refused: Response, method: string, sent: string | undefined): Promise<boolean> {
    const actions = actionsOf(method);
    if (this.#headers.get(actions) !== sent) return true;
    const challenge = challengeIn(refused.headers.get("www-authenticate"));
    if (challenge === undefined) return false;
    let asking = this.#asking.get(actions);
    asking ??= this.#ask(challenge, actions).finally(() => this.#asking.delete(actions));
    this.#asking.set(actions, asking);
    return asking;
  }

  async #ask({ scheme, parameters }: Challenge, actions: string): Promise<boolean> {
    this.#login ??= loginOf(this.#host, this.#repository);
    const { credentials } = await this.#login;
    const header =
      scheme === "basic"
        ? credentials && basic(credentials)
        : await this.#token(parameters, actions, credentials);
    if (header === undefined || header === this.#headers.get(actions)) return false;
    this.#headers.set(actions, header);
    return true;
  }

  async #token(
    { realm, service }: Challenge["parameters"],
    actions: string,
    credentials: Credentials | undefined,
  ): Promise<string | undefined> {
    if (realm === undefined || !isPrivate(realm)) return undefined;
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
    const server = `its token server ${url.origin}`;
    const request = {
      ...(isIdentity ? { method: "POST", body: new URLSearchParams(form as never) } : {}),
      headers: credentials && !isIdentity ? { authorization: basic(credentials) } : {},
    };
    const answer = await answered(url, request, server);
    const problem = `${server} answered ${answer.status}`;
    refusePassing(answer, problem);
    if (DENIALS.includes(answer.status)) return undefined;
    const json = recordIn(await answer.text());
    const token = json?.token || json?.access_token;
    if (!answer.ok) throw this.#failed(problem);
    if (typeof token !== "string") throw this.#failed(`${problem}, without a token`);
    return `Bearer ${token}`;
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
