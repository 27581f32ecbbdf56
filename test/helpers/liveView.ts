/** As much of Phoenix's JavaScript client as tests need: channels, and one page of LiveView. */
import WebSocket from "ws";

type Payload = Record<string, unknown>;

/** Phoenix ends a connection that says nothing for a minute. */
const HEARTBEAT_MS = 20_000;

/** What a browser keeps of the page that it has loaded. */
interface Session {
  cookie?: string;
  token?: string;
}

/** One topic of one WebSocket: [join reference, reference, topic, event, payload]. */
export class Topic {
  closed = false;
  /** What the server has pushed without being asked. */
  readonly pushed: { event: string; payload: Payload }[] = [];
  readonly #socket: WebSocket;
  readonly #opened: Promise<void>;
  readonly #topic: string;
  readonly #waiting = new Map<string, (payload: Payload) => void>();
  #reference = 0;
  #join = "1";

  constructor(port: number, path: string, topic: string, page: Session = {}) {
    this.#topic = topic;
    const query = new URLSearchParams({
      vsn: "2.0.0",
      ...(page.token && { _csrf_token: page.token }),
    });
    const url = `ws://127.0.0.1:${port}${path}/websocket?${query}`;
    this.#socket = new WebSocket(url, { headers: page.cookie ? { cookie: page.cookie } : {} });
    this.#opened = new Promise((resolve, reject) => {
      this.#socket.once("open", resolve);
      this.#socket.once("error", reject);
    });
    const heart = setInterval(() => this.#beat(), HEARTBEAT_MS);
    this.#socket.on("close", () => {
      this.closed = true;
      clearInterval(heart);
    });
    this.#socket.on("message", (text) => {
      const [, reference, , event, payload] = JSON.parse(String(text));
      if (event === "phx_reply") this.#waiting.get(reference)?.(payload);
      else this.pushed.push({ event, payload });
    });
  }

  async push(event: string, payload: object): Promise<Payload> {
    await this.#opened;
    this.#reference += 1;
    const reference = String(this.#reference);
    if (event === "phx_join") this.#join = reference;
    const reply = new Promise<Payload>((resolve, reject) => {
      const late = setTimeout(
        () => reject(new Error(`${this.#topic}: no answer to ${event}`)),
        15_000,
      );
      this.#waiting.set(reference, (payload) => {
        clearTimeout(late);
        resolve(payload);
      });
    });
    this.#socket.send(JSON.stringify([this.#join, reference, this.#topic, event, payload]));
    return reply;
  }

  close(): void {
    this.#socket.close();
  }

  #beat(): void {
    this.#reference += 1;
    this.#socket.send(JSON.stringify([null, `${this.#reference}`, "phoenix", "heartbeat", {}]));
  }
}

/** A page as its client sees it: what was rendered, with each diff laid over it. */
export class LivePage {
  readonly topic: Topic;
  readonly #join: Payload;
  #tree: Payload = {};

  private constructor(topic: Topic, join: Payload) {
    this.topic = topic;
    this.#join = join;
  }

  static async open(port: number, path: string): Promise<LivePage> {
    const url = `http://127.0.0.1:${port}${path}`;
    const response = await fetch(url);
    const html = await response.text();
    const cookies = response.headers.getSetCookie().map((cookie) => cookie.split(";")[0]!);
    const [, token = ""] = /<meta name="csrf-token" content="([^"]*)"/.exec(html) ?? [];
    const [tag = ""] = /<div[^>]*data-phx-session[^>]*>/.exec(html) ?? [];
    const attribute = (name: string) => new RegExp(` ${name}="([^"]*)"`).exec(tag)?.[1] ?? "";
    const id = attribute("id");
    if (id === "") throw new Error(`no LiveView in ${html}`);
    const session = { cookie: cookies.join("; "), token };
    const page = new LivePage(new Topic(port, "/live", `lv:${id}`, session), {
      url,
      params: {},
      session: attribute("data-phx-session"),
      static: attribute("data-phx-static"),
    });
    await page.join();
    return page;
  }

  /** Also after its process has ended: what the client does by itself then. */
  async join(): Promise<void> {
    const { response } = (await this.topic.push("phx_join", this.#join)) as { response: Payload };
    this.#tree = {};
    merge(this.#tree, response.rendered as Payload);
  }

  async click(event: string): Promise<string> {
    const click = { type: "click", event, value: {} };
    const { response } = (await this.topic.push("event", click)) as { response: Payload };
    this.#take();
    merge(this.#tree, (response.diff ?? {}) as Payload);
    return this.text();
  }

  text(): string {
    this.#take();
    return textOf(this.#tree);
  }

  #take(): void {
    for (const { event, payload } of this.topic.pushed.splice(0)) {
      if (event === "diff") merge(this.#tree, payload);
      else this.topic.pushed.push({ event, payload });
    }
  }
}

const isTree = (value: unknown): value is Payload => typeof value === "object" && value !== null;

/** A part that brings its statics takes the place of what was there. */
function merge(tree: Payload, diff: Payload): void {
  if ("s" in diff) for (const key of Object.keys(tree)) delete tree[key];
  for (const [key, value] of Object.entries(diff)) {
    const known = tree[key];
    if (isTree(value) && !Array.isArray(value) && isTree(known) && !("s" in value))
      merge(known, value);
    else tree[key] = value;
  }
}

function textOf(tree: Payload, templates = (tree.p ?? {}) as Payload): string {
  const statics = (typeof tree.s === "number" ? templates[tree.s] : tree.s) as string[] | undefined;
  return (statics ?? [])
    .map((text, n) => {
      const value = tree[String(n)];
      return text + (isTree(value) ? textOf(value, templates) : (value ?? ""));
    })
    .join("");
}
