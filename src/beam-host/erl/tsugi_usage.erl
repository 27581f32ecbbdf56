%% How each command is called, as priv/commands.json has it; its help and what shells complete, as priv/help and
%% priv/completion have them. The build writes all from src/contract/commands, for main.sh to print help without a VM.
-module(tsugi_usage).
-export([parse/1, help/3, completion/3]).

commands() ->
    {ok, Json} = file:read_file(filename:join(tsugi_layout:tsugi_priv(), "commands.json")),
    tsugi_json:decode(Json).

find(Verb) ->
    Name = unicode:characters_to_binary(Verb),
    case [Command || #{<<"verb">> := Known} = Command <- commands(), Known =:= Name] of
        [Command] -> Command;
        [] -> none
    end.

%% {Module, Function, Arguments, #{Option => Value}}
parse([]) -> parse(["help"]);
parse([Help]) when Help =:= "--help"; Help =:= "-h" -> parse(["help"]);
parse([Verb | Words]) ->
    case {find(Verb), wants_help(Words)} of
        {none, _} -> unknown(Verb);
        {_, true} -> parse(["help", Verb]);
        {#{<<"arguments">> := Arguments, <<"options">> := Options, <<"run">> := [Module, Function]}, false} ->
            {Given, Chosen} = options(Words, Options, Verb, [], defaults(Options)),
            Missing = [Name || #{<<"name">> := Name, <<"required">> := true} <- lists:nthtail(min(length(Given), length(Arguments)), Arguments)],
            Empty = [Name || {Word, #{<<"name">> := Name, <<"required">> := true}}
                                 <- lists:zip(lists:sublist(Given, length(Arguments)), lists:sublist(Arguments, length(Given))),
                             Word =:= ""],
            if
                Empty =/= [] ->
                    wrong(["command-argument value '' is invalid for argument '", hd(Empty), "'. It is empty."], Verb);
                Missing =/= [] -> wrong(["missing required argument '", hd(Missing), "'"], Verb);
                length(Given) > length(Arguments) ->
                    wrong(io_lib:format("too many arguments for '~ts'. Expected ~b but got ~b.",
                                        [Verb, length(Arguments), length(Given)]), Verb);
                true -> {binary_to_atom(Module), binary_to_atom(Function), Given, Chosen}
            end
    end.

defaults(Options) -> maps:from_list([{key(Option), default(Value)} || #{<<"default">> := Value} = Option <- Options]).

default(Value) when is_binary(Value) -> binary_to_list(Value);
default(Value) -> Value.

wants_help(Words) -> lists:any(fun(W) -> W =:= "--help" orelse W =:= "-h" end, lists:takewhile(fun(W) -> W =/= "--" end, Words)).

options([], _, _, Given, Chosen) -> {lists:reverse(Given), Chosen};
options(["--" | Rest], _, _, Given, Chosen) -> {lists:reverse(Given) ++ Rest, Chosen};
options(["-" ++ [_ | _] = Word | Rest], Options, Verb, Given, Chosen) ->
    {Key, Inline} = case string:split(Word, "=") of [K, V] -> {K, V}; [K] -> {K, none} end,
    Name = unicode:characters_to_binary(Key),
    case {[Option || #{<<"names">> := Names} = Option <- Options, lists:member(Name, Names)], Inline, Rest} of
        {[], _, _} -> wrong(["unknown option '", Word, "'"], Verb);
        {[#{<<"kind">> := <<"flag">>} = Option], none, _} -> options(Rest, Options, Verb, Given, Chosen#{key(Option) => true});
        {[#{<<"kind">> := <<"flag">>} = Option], _, _} -> wrong(["option '", key(Option), "' takes no value"], Verb);
        {[Option], none, [Value | Rest1]} -> options(Rest1, Options, Verb, Given, Chosen#{key(Option) => value(Option, Value, Verb)});
        {[Option], none, []} -> wrong(["option '", key(Option), "' argument missing"], Verb);
        {[Option], Value, _} -> options(Rest, Options, Verb, Given, Chosen#{key(Option) => value(Option, Value, Verb)})
    end;
options([Word | Rest], Options, Verb, Given, Chosen) -> options(Rest, Options, Verb, [Word | Given], Chosen).

key(#{<<"names">> := [Name | _]}) -> binary_to_list(Name).

value(#{<<"kind">> := <<"text">>}, Value, _) -> Value;
value(#{<<"kind">> := <<"choice">>, <<"choices">> := Choices} = Option, Value, Verb) ->
    lists:member(unicode:characters_to_binary(Value), Choices) orelse
        invalid(Option, Value, ["Allowed choices are ", lists:join(", ", Choices), "."], Verb),
    Value;
value(#{<<"kind">> := Kind} = Option, Value, Verb) ->
    {Least, Expected} = case Kind of <<"whole">> -> {0, "a whole number"}; <<"positive">> -> {1, "a number above 0"} end,
    case string:to_integer(Value) of
        {Number, []} when Number >= Least -> Number;
        _ -> invalid(Option, Value, ["expected ", Expected], Verb)
    end.

-spec invalid(term(), term(), term(), term()) -> no_return().
invalid(Option, Value, Why, Verb) ->
    wrong(["option '", key(Option), "' argument '", Value, "' is invalid. ", Why], Verb).

-spec wrong(term(), term()) -> no_return().
wrong(Problem, Verb) ->
    tsugi_error:throw('TSUGI_USAGE', #{problem => Problem,
                                       help => ["How it is called: ", tsugi_layout:name(), " help ", Verb]}).

-spec unknown(string()) -> no_return().
unknown(Word) ->
    Problem = case Word of
        "-" ++ _ -> ["unknown option '", Word, "'"];
        _ -> ["unknown command '", Word, "'", suggestion(Word)]
    end,
    tsugi_error:throw('TSUGI_USAGE', #{problem => Problem,
                                       help => ["What there is: ", tsugi_layout:name(), " help"]}).

suggestion(Word) ->
    Near = lists:sort([{Distance, Known} || #{<<"verb">> := Verb} <- commands(),
                                            Known <- [binary_to_list(Verb)],
                                            Distance <- [distance(Word, Known)],
                                            Distance =< max(1, min(3, length(Word) div 2))]),
    case Near of
        [{_, Known} | _] -> ["\n(Did you mean ", Known, "?)"];
        [] -> ""
    end.

%% Letters put in, left out or changed: one row of the table after the other.
distance(A, B) ->
    Next = fun(CharA, [Above | _] = Row) ->
        {Cells, _} = lists:mapfoldl(
            fun({CharB, Up, Corner}, Left) ->
                Best = lists:min([Left + 1, Up + 1, Corner + case CharA of CharB -> 0; _ -> 1 end]),
                {Best, Best}
            end, Above + 1, lists:zip3(B, tl(Row), lists:droplast(Row))),
        [Above + 1 | Cells]
    end,
    lists:last(lists:foldl(Next, lists:seq(0, length(B)), A)).

help(_, [], _) -> filled(["help", "all"]);
help(_, [Verb], _) ->
    case find(Verb) of
        none -> unknown(Verb);
        _ -> filled(["help", Verb])
    end.

completion(_, [Shell], _) ->
    {ok, Known} = file:list_dir(filename:join(tsugi_layout:tsugi_priv(), "completion")),
    lists:member(Shell, Known) orelse
        wrong(["there are no completions for ", Shell, ", but for ", lists:join(", ", lists:sort(Known))], "completion"),
    filled(["completion", Shell]).

filled(Path) ->
    {ok, Text} = file:read_file(filename:join([tsugi_layout:tsugi_priv() | Path])),
    Fill = fun({Mark, Value}, Acc) -> binary:replace(Acc, Mark, unicode:characters_to_binary(Value), [global]) end,
    {ok, #{}, lists:foldl(Fill, Text, [{<<"@NAME@">>, tsugi_layout:name()}, {<<"@ROOT@">>, tsugi_layout:root()}])}.
