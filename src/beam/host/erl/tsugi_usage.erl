%% How each command is called. One table for parsing and for help.
-module(tsugi_usage).
-export([parse/1, help/3]).

%% {Verb, Arguments, #{Option => flag | value}, Module, Function, Text}
commands() ->
    Change = #{"--rehearse" => value, "--force" => flag, "--allow-restart" => flag, "--ephemeral" => flag},
    [{"start", [], #{}, tsugi_life, start, "start the permanent release; returns when it is ready"},
     {"stop", [], #{}, tsugi_life, stop, "stop it; returns when the VM is gone"},
     {"restart", [], #{}, tsugi_life, restart, "stop, then start"},
     {"reload", [], #{}, tsugi_change, reload, "apply a changed etc/ to the running release"},
     {"foreground", [], #{}, tsugi_life, foreground, "for containers and systemd: logs to stdout only"},
     {"ping", [], #{}, tsugi_ask, ping, "pong, if it is running and answers"},
     {"pid", [], #{}, tsugi_ask, pid, "print the VM's pid"},
     {"status", [], #{}, tsugi_ask, status, "what runs, since when, how well; exit 3 when it is not running"},
     {"logs", [], #{"-f" => flag}, tsugi_ask, nothing, "the log; -f follows it"},
     {"console", [], #{}, tsugi_ask, nothing, "a shell (IEx, or Erlang's) inside the running node"},
     {"rpc", [expression], #{"--process" => value, "--slot" => value}, tsugi_ask, rpc,
      "evaluate an expression inside the running node and print its value"},
     {"releases", [], #{}, tsugi_ask, releases, "the releases on this host and their status"},
     {"describe", [{optional, version}], #{}, tsugi_ask, describe, "what a release is made of"},
     {"unpack", [version_or_file], #{"--force" => flag}, tsugi_change, unpack,
      "verify a release and put it on this host; nothing that runs is touched"},
     {"plan", [version_or_file], #{"--from" => value, "--force" => flag}, tsugi_change, plan,
      "how an upgrade would go, and why; nothing is run"},
     {"check", [version_or_file], maps:put("--boot", flag, Change), tsugi_change, check,
      "the upgrade up to the point where the old version would notice; then thrown away"},
     {"install", [version_or_file], Change, tsugi_change, install, "make a release current, not yet permanent"},
     {"commit", [], #{}, tsugi_change, commit, "make the current release permanent"},
     {"upgrade", [version_or_file], Change, tsugi_change, upgrade,
      "go over to another version while it runs, and make it permanent"},
     {"downgrade", [version], Change, tsugi_change, downgrade, "the same, to a version that was installed earlier"},
     {"rollback", [], Change, tsugi_change, rollback, "back to the version that was permanent before"},
     {"remove", [version], #{}, tsugi_change, remove, "take a release off this host"},
     {"prune", [], #{"--keep" => value}, tsugi_change, prune, "remove the oldest releases"},
     {"inventory", [], #{"--files" => flag}, tsugi_ask, inventory, "what this host has"},
     {"systemd", [], #{}, tsugi_life, systemd, "print a unit for this root"},
     {"version", [], #{}, tsugi_ask, version, "the release's version, and what this command runs on"},
     {"help", [{optional, command}], #{}, tsugi_usage, help, "what there is, or how a command is called"}].

%% {Module, Function, Arguments, #{Option => Value}}
parse([]) -> parse(["help"]);
parse(["--help"]) -> parse(["help"]);
parse([Verb, "--help" | _]) -> parse(["help", Verb]);
parse([Verb | Words]) ->
    case lists:keyfind(Verb, 1, commands()) of
        false -> wrong(["unknown command '", Verb, "'"], "help");
        {_, Arguments, Options, Module, Function, _} ->
            {Given, Chosen} = options(Words, Options, Verb, [], #{}),
            Least = length([A || A <- Arguments, not is_tuple(A)]),
            if
                length(Given) < Least ->
                    wrong(["missing required argument '", name(lists:nth(length(Given) + 1, Arguments)), "'"],
                          ["help ", Verb]);
                length(Given) > length(Arguments) -> wrong("too many arguments", ["help ", Verb]);
                true -> {Module, Function, Given, Chosen}
            end
    end.

options([], _, _, Given, Chosen) -> {lists:reverse(Given), Chosen};
options(["-" ++ _ = Word | Rest], Options, Verb, Given, Chosen) ->
    {Key, Inline} = case string:split(Word, "=") of [K, V] -> {K, V}; [K] -> {K, none} end,
    case {maps:get(Key, Options, unknown), Inline, Rest} of
        {unknown, _, _} -> wrong(["unknown option '", Word, "'"], ["help ", Verb]);
        {flag, none, _} -> options(Rest, Options, Verb, Given, Chosen#{Key => true});
        {value, none, [Value | Rest1]} -> options(Rest1, Options, Verb, Given, Chosen#{Key => Value});
        {value, Value, _} when Value =/= none -> options(Rest, Options, Verb, Given, Chosen#{Key => Value});
        _ -> wrong(["option '", Word, "': its value is missing"], ["help ", Verb])
    end;
options([Word | Rest], Options, Verb, Given, Chosen) -> options(Rest, Options, Verb, [Word | Given], Chosen).

-spec wrong(term(), term()) -> no_return().
wrong(Problem, Help) ->
    tsugi_error:throw('TSUGI_USAGE', #{problem => Problem,
                                       help => ["What there is: ", tsugi_layout:bin(), " ", Help]}).

help(_, [], _) ->
    Rows = [io_lib:format("  ~-11s ~ts~n", [Verb, Text]) || {Verb, _, _, _, _, Text} <- commands()],
    {ok, #{commands => [list_to_binary(Verb) || {Verb, _, _, _, _, _} <- commands()]},
     [tsugi_layout:name(), " at ", tsugi_layout:root(), ", run and upgraded by tsugi\n\n", Rows,
      "\nExit codes: 0 done · 1 failed · 2 wrong usage · 3 not running\n"
      "  4 refused or thawed: the old version serves as before\n"
      "  5 handed back: the old version serves again\n"]};
help(_, [Verb], _) ->
    case lists:keyfind(Verb, 1, commands()) of
        false -> wrong(["unknown command '", Verb, "'"], "help");
        {_, Arguments, Options, _, _, Text} ->
            Usage = [tsugi_layout:name(), " ", Verb, [argument(A) || A <- Arguments],
                     [[" [", Key, case Kind of value -> " <…>"; flag -> "" end, "]"]
                      || {Key, Kind} <- lists:sort(maps:to_list(Options))], " [--json]"],
            {ok, #{usage => tsugi_json:text(Usage)}, [Usage, "\n  ", Text]}
    end.

argument({optional, Name}) -> [" [", name(Name), "]"];
argument(Name) -> [" <", name(Name), ">"].

name({optional, Name}) -> name(Name);
name(version_or_file) -> "version|file";
name(Name) -> atom_to_list(Name).
