%% The node's end of tsugi_remote: errors come back as values.
-module(tsugi_remote_end).
-export([run/3, evaluate/1]).

run(M, F, A) ->
    try {ok, apply(M, F, A)}
    catch Class:Reason:Stack -> {error, tsugi_error:from_reason(Class, Reason, Stack)}
    end.

%% {ok, Text} | {threw, Text}. Elixir where the release has it, Erlang otherwise.
evaluate(Text) ->
    try {ok, value(Text)}
    catch Class:Reason:Stack -> {threw, format(Class, Reason, Stack)}
    end.

value(Text) ->
    case code:ensure_loaded('Elixir.Code') of
        {module, Code} ->
            {Value, _} = Code:eval_string(unicode:characters_to_binary(Text)),
            'Elixir.Kernel':inspect(Value, [{pretty, true}, {limit, infinity}]);
        _ ->
            {ok, Tokens, _} = erl_scan:string(case lists:suffix(".", Text) of true -> Text; false -> Text ++ "." end),
            {ok, Expressions} = erl_parse:parse_exprs(Tokens),
            {value, Value, _} = erl_eval:exprs(Expressions, erl_eval:new_bindings()),
            unicode:characters_to_binary(io_lib:format("~tp", [Value]))
    end.

format(Class, Reason, Stack) ->
    case code:ensure_loaded('Elixir.Exception') of
        {module, Exception} ->
            Exception:format_banner(Class, Exception:normalize(Class, Reason, Stack), Stack);
        _ -> unicode:characters_to_binary(io_lib:format("~p: ~tp", [Class, Reason]))
    end.
