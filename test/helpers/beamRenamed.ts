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
    :telemetry.attach_many("heard", [[:shop, :said], [:shop, :sung]], &handle/4, nil)
    {:ok, nil}
  end

  def handle([:shop, what], _, _, _), do: :ets.insert(:kept, {what, "#{what} to ${version}"})

  def greet(name), do: "greet " <> name <> " of ${version}"
  def version, do: "${version}"
end
`,
    // As much of telemetry as an upgrade asks of it. Its table is a server's, and changes too.
    "lib/shop/telemetry.ex": `defmodule Shop.Handlers do
  use GenServer
  def start_link(_), do: GenServer.start_link(__MODULE__, nil, name: __MODULE__)
  def version, do: "${version}"

  @impl true
  def init(_), do: {:ok, :ets.new(:handlers, [:bag, :named_table])}

  @impl true
  def handle_call({:insert, id, events, function, config}, _, table) do
    case :ets.lookup(table, id) do
      [] -> {:reply, for(event <- events, do: :ets.insert(table, {id, event, function, config})) && :ok, table}
      _ -> {:reply, {:error, :already_exists}, table}
    end
  end

  def handle_call({:delete, id}, _, table), do: {:reply, :ets.delete(table, id) && :ok, table}
end

defmodule :telemetry do
  def attach(id, event, function, config), do: attach_many(id, [event], function, config)

  def attach_many(id, events, function, config),
    do: GenServer.call(Shop.Handlers, {:insert, id, events, function, config})

  def detach(id), do: GenServer.call(Shop.Handlers, {:delete, id})

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
      text.replace(
        "[Shop.Cart,",
        "[Shop.Handlers, {Shop.Channel, Shop.PageLive}, Shop.Keeper, Shop.Cart,",
      ),
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
    for what <- [:said, :sung], do: :telemetry.execute([:shop, what], %{}, %{})
    Enum.map_join([:said, :sung], ", ", &:ets.lookup_element(:kept, &1, 2))
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
