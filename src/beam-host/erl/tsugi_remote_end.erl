%% The node's end of tsugi_remote: errors come back as values.
-module(tsugi_remote_end).
-export([run/3, evaluate/2]).

run(M, F, A) ->
    try {ok, apply(M, F, A)}
    catch Class:Reason:Stack -> {error, tsugi_error:from_reason(Class, Reason, Stack)}
    end.

%% {ok, Text, Bindings} | {threw, Text}. Elixir where the release has it, Erlang otherwise.
evaluate(Text, Bindings) ->
    try
        {Value, Bound} = value(Text, Bindings),
        {ok, Value, Bound}
    catch Class:Reason:Stack -> {threw, format(Class, Reason, Stack)}
    end.

value(Text, Bindings) ->
    case code:ensure_loaded('Elixir.Code') of
        {module, Code} ->
            {Value, Bound} = Code:eval_string(unicode:characters_to_binary(Text), Bindings),
            {'Elixir.Kernel':inspect(Value, [{pretty, true}, {limit, infinity}]), Bound};
        _ ->
            {ok, Tokens, _} = erl_scan:string(case lists:suffix(".", Text) of true -> Text; false -> Text ++ "." end),
            {ok, Expressions} = erl_parse:parse_exprs(Tokens),
            {value, Value, Bound} = erl_eval:exprs(Expressions, Bindings),
            {unicode:characters_to_binary(io_lib:format("~tp", [Value])), Bound}
    end.

format(Class, Reason, Stack) ->
    case code:ensure_loaded('Elixir.Exception') of
        {module, Exception} ->
            Exception:format_banner(Class, Exception:normalize(Class, Reason, Stack), Stack);
        _ -> unicode:characters_to_binary(io_lib:format("~p: ~tp", [Class, Reason]))
    end.
