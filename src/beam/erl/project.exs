# Read inside a Mix project by `mix loadconfig` (which, other than `mix run`, does not evaluate
# config/runtime.exs): says, one fact a line, what tsugi has to know about the project.
config = Mix.Project.config()
umbrella? = Mix.Project.umbrella?()

release =
  case {System.get_env("TSUGI_RELEASE", ""), config[:default_release], config[:releases] || []} do
    {name, _, _} when name != "" -> String.to_atom(name)
    {_, default, _} when default != nil -> default
    {_, _, [{name, _}]} -> name
    {_, _, []} -> config[:app]
    _ -> nil
  end

options = (config[:releases] || [])[release] || []
options = if is_function(options, 0), do: options.(), else: options

version =
  case options[:version] || config[:version] do
    {:from_app, app} -> Mix.Project.in_project(app, Mix.Project.apps_paths()[app] || ".", fn _ -> Mix.Project.config()[:version] end)
    other -> other
  end

own =
  if umbrella? do
    Map.keys(Mix.Project.apps_paths())
  else
    [config[:app]]
  end

path_dependencies =
  for {app, scm} <- Mix.Project.deps_scms(), scm == Mix.SCM.Path, do: app

assets? = Keyword.has_key?(config[:aliases] || [], :"assets.deploy")

say = fn key, value -> IO.puts("tsugi:#{key}=#{value}") end
say.("umbrella", umbrella?)
say.("release", release)
say.("releases", Enum.map_join(config[:releases] || [], ",", fn {name, _} -> name end))
say.("version", version)
for app <- Enum.uniq(own ++ path_dependencies), do: say.("own", app)
say.("assets", assets?)
say.("include_erts", Keyword.get(options, :include_erts, true) == true)
say.("elixir", System.version())
# `releases: [shop: [tsugi: [...]]]` in mix.exs; see docs/guides/phoenix.md
tsugi = options[:tsugi] || []
for key <- Keyword.get(tsugi, :allow_secrets, []), do: say.("allow_secret", key)
case System.get_env("TSUGI_SETTINGS_FILE", "") do
  "" -> :ok
  file -> File.write!(file, :io_lib.format("~tp.~n", [Keyword.drop(tsugi, [:allow_secrets])]))
end

# What a configuration file has to be worth.
[]
