%% Applications' environment across an install. release_handler replaces all of it by the new
%% sys.config; what code has put there at run time would be gone, so it is laid over the new one.
-module(tsugi_env).
-export([snapshot/0, restore/1, overrides/3, overlay/2, put_unwritable/1, os_env/0, parse_etc/0,
         unreadable/1]).

%% {App, Env} of every loaded application.
snapshot() -> [{App, application:get_all_env(App)} || {App, _, _} <- application:loaded_applications()].

%% Back to a snapshot, key by key.
restore(Snapshot) ->
    [restore_app(App, Env, application:get_all_env(App)) || {App, Env} <- Snapshot],
    ok.

restore_app(_, Env, Env) -> ok;
restore_app(App, Env, Now) ->
    [application:unset_env(App, Key) || {Key, _} <- Now, not lists:keymember(Key, 1, Env)],
    [application:set_env(App, Key, Value) || {Key, Value} <- Env,
                                             lists:keyfind(Key, 1, Now) =/= {Key, Value}],
    ok.

%% What the running node has beyond its configuration, where the configuration itself stays the same:
%% a key that the new release configures anew is the new release's.
overrides(Snapshot, OldConfig, NewConfig) ->
    [{App, Kept} || {App, Env} <- Snapshot,
                    Kept <- [kept(App, Env, OldConfig, NewConfig)], Kept =/= []].

kept(App, Env, OldConfig, NewConfig) ->
    Baseline = maps:merge(app_file_env(App), from_config(App, OldConfig)),
    New = from_config(App, NewConfig),
    Old = from_config(App, OldConfig),
    [{Key, Value} || {Key, Value} <- Env, Key =/= included_applications,
                     maps:get(Key, Baseline, '$none') =/= Value,
                     maps:get(Key, Old, '$none') =:= maps:get(Key, New, '$none')].

app_file_env(App) ->
    case code:where_is_file(atom_to_list(App) ++ ".app") of
        non_existing -> #{};
        File ->
            case file:consult(File) of
                {ok, [{application, _, Keys}]} -> maps:from_list(proplists:get_value(env, Keys, []));
                _ -> #{}
            end
    end.

from_config(App, Config) ->
    maps:from_list([KV || {_, _} = KV <- proplists:get_value(App, Config, [])]).

%% The new configuration with the overrides that can be written.
overlay(Config, Overrides) ->
    lists:foldl(
        fun({App, Kept}, Acc) ->
            Env = proplists:get_value(App, Acc, []),
            New = lists:foldl(fun({Key, Value}, E) -> lists:keystore(Key, 1, E, {Key, Value}) end, Env,
                              [KV || {_, Value} = KV <- Kept, tsugi_config:is_writable(Value)]),
            lists:keystore(App, 1, Acc, {App, New})
        end, Config, Overrides).

put_unwritable(Overrides) ->
    [application:set_env(App, Key, Value) || {App, Kept} <- Overrides, {Key, Value} <- Kept,
                                             not tsugi_config:is_writable(Value)],
    ok.

%% The process environment follows etc/env: a variable that is gone there is gone here.
os_env() ->
    [os:unsetenv(Key) || Key <- string:lexemes(os:getenv("TSUGI_ETC", ""), " ")],
    Pairs = read_etc(),
    [os:putenv(Key, Value) || {Key, Value} <- Pairs],
    os:putenv("TSUGI_ETC", lists:flatten([[" ", Key] || {Key, _} <- Pairs])),
    ok.

read_etc() ->
    {Pairs, _} = parse_etc(),
    Pairs.

%% etc/env by env.awk: {[{Key, Value}], [{Line, Problem}]}.
parse_etc() ->
    File = tsugi_layout:at(["etc", "env"]),
    Script = "LC_ALL=C exec awk -f \"$1\" \"$2\"",
    case filelib:is_regular(File) of
        true ->
            Awk = filename:join(tsugi_layout:tsugi_priv(), "env.awk"),
            {_, Output} = tsugi_os:command(["-c", Script, "sh", Awk, File]),
            read_lines(Output, [], []);
        false -> {[], []}
    end.

%% What awk and sh would make something else of: {Line, Problem}, or none.
unreadable(Bytes) -> unreadable(binary:split(Bytes, <<"\n">>, [global]), 1).

unreadable([], _) -> none;
unreadable([Line | Rest], Number) ->
    case {binary:match(Line, <<0>>), unicode:characters_to_binary(Line)} of
        {nomatch, Text} when is_binary(Text) -> unreadable(Rest, Number + 1);
        {nomatch, _} -> {Number, name_in(Line) ++ " is not UTF-8"};
        _ -> {Number, name_in(Line) ++ " has a NUL byte, which no variable can have"}
    end.

name_in(Line) ->
    Name = "^\\s*(?:export\\s+)?([A-Za-z_][A-Za-z0-9_]*)\\s*=",
    case re:run(Line, Name, [{capture, [1], list}]) of
        {match, [Found]} -> Found;
        nomatch -> "what stands there"
    end.

read_lines("export " ++ Rest, Pairs, Problems) ->
    [Key, "'" ++ Quoted] = string:split(Rest, "="),
    {Value, Next} = unquote(Quoted, []),
    read_lines(Next, [{Key, Value} | Pairs], Problems);
read_lines("# line " ++ Rest, Pairs, Problems) ->
    [Line, Next] = string:split(Rest, "\n"),
    [Number, Problem] = string:split(Line, ": "),
    read_lines(Next, Pairs, [{list_to_integer(Number), Problem} | Problems]);
read_lines(_, Pairs, Problems) -> {lists:reverse(Pairs), lists:reverse(Problems)}.

unquote("'\\''" ++ Rest, Value) -> unquote(Rest, [$' | Value]);
unquote("'\n" ++ Rest, Value) -> {lists:reverse(Value), Rest};
unquote([C | Rest], Value) -> unquote(Rest, [C | Value]).
