%% appup.before and appup.after: functions of the new release (Ecto migrations, say) as steps of an
%% upgrade. releases/<vsn>/tsugi.config: [{before, [{M, F, A}]}, {after, …}, {down_before, …}, …].
%%
%% Each runs in a VM of its own with the newer release's code and its evaluated configuration, and
%% nothing started. TSUGI_FROM, TSUGI_TO and TSUGI_DIRECTION are in its environment.
-module(tsugi_hooks).
-export([wanted/3, run/4, main/0, main/1]).

-define(MARK, "tsugi-hook-error:").

%% Moment = before | 'after'. The newer of the two releases says, both ways.
wanted(#{dir := Dir}, Direction, Moment) ->
    Key = case {Direction, Moment} of
        {up, M} -> M;
        {down, before} -> down_before;
        {down, 'after'} -> down_after
    end,
    case file:consult(filename:join(Dir, "tsugi.config")) of
        {ok, [Terms]} -> [normal(Hook) || Hook <- proplists:get_value(Key, Terms, [])];
        _ -> []
    end.

normal({M, F, A}) -> {M, F, A};
normal({M, F}) -> {M, F, []}.

%% @throws TSUGI_HOOK_FAILED
run(Vsn, {M, F, A} = Hook, {From, To, Direction}, Moment) ->
    Env = [{"TSUGI_FROM", From}, {"TSUGI_TO", To}, {"TSUGI_DIRECTION", atom_to_list(Direction)}],
    Text = lists:flatten(io_lib:format("~0tp.", [Hook])),
    Script = tsugi_layout:tsugi_priv() ++ "/evaluate.sh",
    case tsugi_os:run(Script, [Vsn, "tsugi_hooks", "main", Vsn, Text], Env) of
        {0, Output} -> Output;
        {_, Output} ->
            tsugi_error:throw('TSUGI_HOOK_FAILED',
                              #{hook => io_lib:format("~tp:~tp/~p", [M, F, length(A)]),
                                moment => Moment, problem => problem(Output)})
    end.

problem(Output) ->
    case string:split(Output, ?MARK, trailing) of
        [_, Reason] -> string:trim(Reason);
        [All] -> string:trim(All)
    end.

main() -> main([]).

main(_) ->
    [Vsn, Text] = init:get_plain_arguments(),
    try
        {ok, Tokens, _} = erl_scan:string(Text),
        {ok, {M, F, A}} = erl_parse:parse_term(Tokens),
        use_code(tsugi_release:load(Vsn)),
        [application:set_env(App, Key, Value, [{persistent, true}])
         || {App, Env} <- tsugi_config:read(Vsn), {Key, Value} <- Env],
        _ = application:ensure_all_started(elixir),
        _ = apply(M, F, A),
        erlang:halt(0)
    catch
        Class:Reason:Stack ->
            io:format("~s~ts~n", [?MARK, tsugi_config:format(Class, Reason, lists:sublist(Stack, 8))]),
            erlang:halt(1)
    end.

%% start_clean has the applications in its path; the consolidated protocols stand before them.
use_code(#{consolidated := none}) -> ok;
use_code(#{consolidated := Dir}) -> code:add_patha(Dir).
