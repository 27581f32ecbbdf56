%% How each command is called. One table for parsing and for help.
-module(tsugi_usage).
-export([parse/1, help/3, verbs/0]).

%% {Verb, Arguments, [Option], Module, Function, Text}; Option = {Names, Kind, Text}, the first name
%% is the one that commands look for. Kind = flag | text | whole | positive | [Choice].
commands() ->
    Json = {["--json"], flag, "one JSON document on stdout"},
    Slot = [{["--process"], text, "which process: a BEAM release has one, main"},
            {["--slot"], whole, "which of its slots: it has one, 0"}],
    Change = [{["--rehearse"], ["auto", "full", "skip"], "take a copy of the live state through the new code first"},
              {["--allow-restart"], flag, "also where only a restart will do; state in memory is lost"},
              {["--ephemeral"], flag, "also where the root is gone with its container"}, Json],
    Keep = {["--keep-env"], flag, "with this shell's whole environment, not only what a unit would have"},
    Force = {["--force"], flag, "replace an unpacked release of the same version; accept an incomplete appup"},
    [{"start", [], [Keep, Json], tsugi_life, start, "start the permanent release; returns when it is ready"},
     {"stop", [], [Json], tsugi_life, stop, "stop it; returns when the VM is gone"},
     {"restart", [], [Keep, Json], tsugi_life, restart, "stop, then start; in-memory state is lost (reload and upgrade keep it)"},
     {"reload", [], [Json], tsugi_change, reload, "apply a changed etc/ to the running release"},
     {"foreground", [], [], tsugi_life, foreground, "run without a daemon, for containers and systemd; the log goes to stdout only"},
     {"ping", [], [Json], tsugi_ask, ping, "pong, if it is running and answers"},
     {"pid", [], [Json], tsugi_ask, pid, "print the VM's pid"},
     {"status", [], [Json], tsugi_ask, status, "what runs, since when, how well; exit 3 when it is not running"},
     {"logs", [], [{["-f", "--follow"], flag, "go on until Ctrl-C, through rotations"},
                   {["-n", "--lines"], whole, "how many of the last lines (default 100)"}], tsugi_ask, logs,
      "the last lines of the log"},
     {"console", [], Slot, tsugi_ask, console, "a shell (IEx, or Erlang's) inside the running node"},
     {"rpc", [expression], Slot ++ [Json], tsugi_ask, rpc,
      "evaluate an expression inside the running node and print its value"},
     {"releases", [], [Json], tsugi_ask, releases, "the releases on this host and their status"},
     {"describe", [{optional, version}], [Json], tsugi_ask, describe, "what a release is made of, and how it came here"},
     {"unpack", [version_or_file], [{["--force"], flag, "replace a release of the same version that is merely unpacked"}, Json],
      tsugi_change, unpack, "verify a release and put it on this host; nothing that runs is touched"},
     {"plan", [version_or_file], [{["--from"], text, "from another release than the one that runs, or would"}, Force, Json],
      tsugi_change, plan, "how an upgrade would go, and why; nothing is run, nothing unpacked"},
     {"check", [version_or_file], [Force, {["--boot"], flag, "nothing more: a BEAM release is checked in full"} | Change],
      tsugi_change, check, "the upgrade up to the point where the old version would notice; then thrown away"},
     {"install", [version_or_file], [Force | Change], tsugi_change, install,
      "like upgrade, but not permanent: until a commit, a restart boots the old version"},
     {"commit", [], [Json], tsugi_change, commit, "make the current release permanent: from now on a boot starts it"},
     {"upgrade", [version_or_file], [Force | Change], tsugi_change, upgrade,
      "go over to another version while it runs, and make it permanent"},
     {"downgrade", [version], [Force | Change], tsugi_change, downgrade, "the same, to a version that was permanent on this host"},
     {"rollback", [], [Force | Change], tsugi_change, rollback,
      "back to the version that was permanent before; a current one is given up"},
     {"remove", [version], [Json], tsugi_change, remove, "take a release off this host; the permanent and the current one stay"},
     {"prune", [], [{["--keep"], positive, "how many stay (default 5)"}, Json], tsugi_change, prune,
      "remove the oldest releases; never what runs, nor what a rollback would need"},
     {"inventory", [], [{["--files"], flag, "every file with its SHA-256"}, Json], tsugi_ask, inventory,
      "what this host has, so that nothing of it needs to be sent again"},
     {"systemd", [], [Json], tsugi_life, systemd, "print a unit for this root"},
     {"version", [], [Json], tsugi_ask, version, "the release's version, and what this command runs on"},
     {"help", [{optional, command}], [], tsugi_usage, help, "what there is, or how a command is called"}].

verbs() -> [Verb || {Verb, _, _, _, _, _} <- commands()].

%% {Module, Function, Arguments, #{Option => Value}}
parse([]) -> parse(["help"]);
parse([Help]) when Help =:= "--help"; Help =:= "-h" -> parse(["help"]);
parse([Verb | Words]) ->
    case {lists:keyfind(Verb, 1, commands()), wants_help(Words)} of
        {false, _} -> unknown(Verb);
        {_, true} -> parse(["help", Verb]);
        {{_, Arguments, Options, Module, Function, _}, false} ->
            {Given, Chosen} = options(Words, Options, Verb, [], #{}),
            Least = length([A || A <- Arguments, not is_tuple(A)]),
            if
                length(Given) < Least ->
                    wrong(["missing required argument '", name(lists:nth(length(Given) + 1, Arguments)), "'"], Verb);
                length(Given) > length(Arguments) ->
                    wrong(io_lib:format("too many arguments for '~ts'. Expected ~b but got ~b.",
                                        [Verb, length(Arguments), length(Given)]), Verb);
                true -> {Module, Function, Given, Chosen}
            end
    end.

wants_help(Words) -> lists:any(fun(W) -> W =:= "--help" orelse W =:= "-h" end, lists:takewhile(fun(W) -> W =/= "--" end, Words)).

options([], _, _, Given, Chosen) -> {lists:reverse(Given), Chosen};
options(["--" | Rest], _, _, Given, Chosen) -> {lists:reverse(Given) ++ Rest, Chosen};
options(["-" ++ [_ | _] = Word | Rest], Options, Verb, Given, Chosen) ->
    {Key, Inline} = case string:split(Word, "=") of [K, V] -> {K, V}; [K] -> {K, none} end,
    case {[Option || {Names, _, _} = Option <- Options, lists:member(Key, Names)], Inline, Rest} of
        {[], _, _} -> wrong(["unknown option '", Word, "'"], Verb);
        {[{[Name | _], flag, _}], none, _} -> options(Rest, Options, Verb, Given, Chosen#{Name => true});
        {[{[Name | _], flag, _}], _, _} -> wrong(["option '", Name, "' takes no value"], Verb);
        {[{[Name | _], Kind, _}], none, [Value | Rest1]} ->
            options(Rest1, Options, Verb, Given, Chosen#{Name => value(Kind, Value, Name, Verb)});
        {[{[Name | _], _, _}], none, []} -> wrong(["option '", Name, "' argument missing"], Verb);
        {[{[Name | _], Kind, _}], Value, _} ->
            options(Rest, Options, Verb, Given, Chosen#{Name => value(Kind, Value, Name, Verb)})
    end;
options([Word | Rest], Options, Verb, Given, Chosen) -> options(Rest, Options, Verb, [Word | Given], Chosen).

value(text, Value, _, _) -> Value;
value(Kind, Value, Name, Verb) when Kind =:= whole; Kind =:= positive ->
    Expected = case Kind of whole -> "a whole number"; positive -> "a number above 0" end,
    case string:to_integer(Value) of
        {Number, []} when Kind =:= whole, Number >= 0; Number > 0 -> Number;
        _ -> wrong(["option '", Name, "' argument '", Value, "' is invalid. expected ", Expected], Verb)
    end;
value(Choices, Value, Name, Verb) ->
    lists:member(Value, Choices) orelse
        wrong(["option '", Name, "' argument '", Value, "' is invalid. Allowed choices are ", lists:join(", ", Choices), "."], Verb),
    Value.

-spec wrong(term(), term()) -> no_return().
wrong(Problem, Verb) ->
    tsugi_error:throw('TSUGI_USAGE', #{problem => Problem,
                                       help => ["How it is called: ", tsugi_layout:name(), " help ", Verb]}).

-spec unknown(string()) -> no_return().
unknown("-" ++ _ = Word) -> unknown(["unknown option '", Word, "'"], "");
unknown(Verb) -> unknown(["unknown command '", Verb, "'"], suggestion(Verb)).

-spec unknown(term(), term()) -> no_return().
unknown(Problem, Suggestion) ->
    tsugi_error:throw('TSUGI_USAGE', #{problem => [Problem, Suggestion],
                                       help => ["What there is: ", tsugi_layout:name(), " help"]}).

suggestion(Verb) ->
    Near = lists:sort([{Distance, Known} || {Known, _, _, _, _, _} <- commands(),
                                            Distance <- [distance(Verb, Known)],
                                            Distance =< max(1, min(3, length(Verb) div 2))]),
    case Near of
        [{_, Known} | _] -> ["\n(Did you mean ", Known, "?)"];
        [] -> ""
    end.

%% Letters put in, left out or changed.
distance(A, B) ->
    Last = lists:foldl(
        fun(CharA, [Above | _] = Row) ->
            {Next, _} = lists:mapfoldl(
                fun({CharB, Up, Corner}, Left) ->
                    Best = lists:min([Left + 1, Up + 1, Corner + case CharA of CharB -> 0; _ -> 1 end]),
                    {Best, Best}
                end, Above + 1, lists:zip3(B, tl(Row), lists:droplast(Row))),
            [Above + 1 | Next]
        end, lists:seq(0, length(B)), A),
    lists:last(Last).

%% --- help ---------------------------------------------------------------------------------------

help(_, [], _) ->
    Rows = [tsugi_text:wrap(io_lib:format("  ~-11s ~ts", [V, Text]), lists:duplicate(14, $\s))
            || {V, _, _, _, _, Text} <- commands()],
    {ok, #{}, ["Usage: ", tsugi_layout:name(), " <command> [options]\n\n",
               tsugi_layout:name(), " at ", tsugi_layout:root(), ", run and upgraded by tsugi\n\nCommands:\n",
               [[Row, "\n"] || Row <- Rows],
               "\nExit codes: 0 done · 1 failed · 2 wrong usage · 3 not running\n"
               "  4 refused or thawed: the old version serves as before\n"
               "  5 handed back: the old version serves again\n"]};
help(_, [Verb], _) ->
    case lists:keyfind(Verb, 1, commands()) of
        false -> unknown(Verb);
        {_, Arguments, Options, _, _, Text} ->
            Usage = ["Usage: ", tsugi_layout:name(), " ", Verb, [" [options]" || Options =/= []],
                     [argument(A) || A <- Arguments], "\n\n", tsugi_text:wrap(Text, "")],
            {ok, #{}, [Usage, option_help(Options)]}
    end.

option_help([]) -> "";
option_help(Options) ->
    Titles = [{lists:flatten([lists:join(", ", Names), placeholder(Kind)]), Text} || {Names, Kind, Text} <- Options],
    Width = lists:max([length(Title) || {Title, _} <- Titles]),
    ["\n\nOptions:\n",
     lists:join("\n", [tsugi_text:wrap(hard(["  ", string:pad(Title, Width), "  "]) ++ Text, lists:duplicate(Width + 4, $\s))
                       || {Title, Text} <- Titles])].

hard(Text) -> [case C of $\s -> 16#a0; _ -> C end || C <- lists:flatten(Text)].

placeholder(flag) -> "";
placeholder(text) -> " <name>";
placeholder(Kind) when Kind =:= whole; Kind =:= positive -> " <number>";
placeholder(Choices) -> [" <", lists:join("|", Choices), ">"].

argument({optional, Name}) -> [" [", name(Name), "]"];
argument(Name) -> [" <", name(Name), ">"].

name({optional, Name}) -> name(Name);
name(version_or_file) -> "version|file";
name(Name) -> atom_to_list(Name).
