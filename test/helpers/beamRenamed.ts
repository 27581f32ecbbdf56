/**
 * Versions of the shop that differ in the name of a function, in two modules that call it, and in one that keeps
 * functions. `/slow` stands between two calls of it for a while.
 */
import type { BeamVariant } from "./beam.ts";

const STEP = `
  def code_change({:down, _}, socket, _),
    do: {:ok, %{socket | assigns: Map.delete(socket.assigns, :step)}}

  def code_change("0.0.1", socket, _),
    do: {:ok, %{socket | assigns: Map.put(socket.assigns, :step, 5)}}
`;

export const renamed = (version: string, name: string): BeamVariant => ({
  fixture: "shop-0.0.1",
  version,
  files: {
    "lib/shop/wording.ex": `defmodule Shop.Wording do
  def ${name}(text), do: "${version}:" <> text
end
`,
    "lib/shop/phrases.ex": `defmodule Shop.Phrases do
  def both, do: Shop.Wording.${name}("a") <> " " <> Shop.Wording.${name}("b")

  def slowly(ms) do
    first = Shop.Wording.${name}("a")
    Process.sleep(ms)
    first <> " " <> Shop.Wording.${name}("b")
  end
end
`,
    "lib/shop/keeper.ex": `defmodule Shop.Keeper do
  use GenServer
  def start_link(_), do: GenServer.start_link(__MODULE__, nil, name: __MODULE__)

  @impl true
  def init(_) do
    :ets.new(:kept, [:named_table, :public])
    :ets.insert(:kept, {:greet, fn name -> "hello " <> name <> " of ${version}" end})
    :ets.insert(:kept, {:name, &greet/1})
    :persistent_term.put(:kept, fn -> "kept by ${version}" end)
    :ets.new(:handlers, [:named_table, :public])
    :telemetry.attach("heard", [:shop, :said], &handle/4, nil)
    {:ok, nil}
  end

  def handle(_, _, _, _), do: :ets.insert(:kept, {:heard, "heard by ${version}"})

  def greet(name), do: "greet " <> name <> " of ${version}"
  def version, do: "${version}"
end
`,
    // As much of telemetry as an upgrade asks of it.
    "lib/shop/telemetry.ex": `defmodule :telemetry do
  def attach(id, event, function, config) do
    if :ets.insert_new(:handlers, {id, event, function, config}), do: :ok, else: {:error, :already_exists}
  end

  def detach(id), do: :ets.delete(:handlers, id) && :ok

  def list_handlers(_prefix) do
    for {id, event, function, config} <- :ets.tab2list(:handlers),
        do: %{id: id, event_name: event, function: function, config: config}
  end

  def execute(event, measurements, metadata) do
    for {_, ^event, function, config} <- :ets.tab2list(:handlers),
        do: function.(event, measurements, metadata, config)
  end
end
`,
    // As LiveView's channel runs a view: its process is known by the view, its state has the view's socket.
    "lib/shop/channel.ex": `defmodule Shop.Channel do
  use GenServer
  def start_link(view), do: GenServer.start_link(__MODULE__, view, name: __MODULE__)

  @impl true
  def init(view) do
    Process.put(:"$initial_call", {view, :mount, 3})
    {:ok, %{socket: %{assigns: %{count: 3}, private: %{}}}}
  end

  @impl true
  def handle_call(:assigns, _, state), do: {:reply, state.socket.assigns, state}
end
`,
    "lib/shop/page_live.ex": `defmodule Shop.PageLive do
  @vsn "${version}"
${version === "0.0.1" ? "" : STEP}end
`,
  },
  edit: {
    "lib/shop/application.ex": (text: string) =>
      text.replace("[Shop.Cart,", "[{Shop.Channel, Shop.PageLive}, Shop.Keeper, Shop.Cart,"),
    "lib/shop/shelf.ex": (text: string) =>
      text.replace("@impl true", `def version, do: "${version}"\n\n  @impl true`),
    // The child of one is not the child of the other.
    "lib/shop/shelves.ex": (text: string) =>
      text.replace(":apples", version === "0.0.1" ? ":plums" : ":pears"),
    "lib/shop/pages.ex": (text: string) =>
      text.replace(
        '  def get("/version"), do: @version',
        `  def get("/version"), do: "${version}"
  def get("/word"), do: Shop.Wording.${name}("c") <> Shop.Phrases.both()
  def get("/slow"), do: Shop.Phrases.slowly(150) <> " " <> Shop.Wording.${name}("c")
  def get("/kept"), do: :ets.lookup_element(:kept, :greet, 2).("you")
  def get("/named"), do: :ets.lookup_element(:kept, :name, 2).("you")
  def get("/page"), do: inspect(GenServer.call(Shop.Channel, :assigns))
  def get("/heard") do
    :telemetry.execute([:shop, :said], %{}, %{})
    :ets.lookup_element(:kept, :heard, 2)
  end

  def get("/fails") do
    :telemetry.execute([:phoenix, :error_rendered], %{}, %{status: 500})
    "it says so"
  end

  def get("/term"), do: :persistent_term.get(:kept).()`,
      ),
  },
});

/** Both halves of an answer are of one version. */
export function sameVersion(text: string): string | undefined {
  const versions = new Set([...text.matchAll(/(0\.0\.\d):/g)].map(([, version]) => version));
  return versions.size === 1 ? undefined : `two versions in one request: ${text}`;
}
