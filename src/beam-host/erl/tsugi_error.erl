%% Errors are thrown as {tsugi_error, Code, Details}; their words come from the one table
%% (src/contract/errors/), which the build writes to priv/errors.json.
-module(tsugi_error).
-export([throw/2, with_exit/2, to_map/1, exit_code/1, render/1, from_reason/3, text/1]).

-spec throw(atom(), map()) -> no_return().
throw(Code, Details) -> erlang:throw({tsugi_error, Code, Details}).

%% The same error where it ends a command with another code: what became of the system decides.
with_exit({tsugi_error, Code, Details}, Exit) -> {tsugi_error, Code, Details#{'$exit' => Exit}}.

to_map({tsugi_error, Code, #{'$exit' := Exit} = Details}) ->
    (to_map({tsugi_error, Code, maps:remove('$exit', Details)}))#{exitCode => Exit};
to_map({tsugi_error, Code, Details0}) ->
    Details = maps:merge(#{name => tsugi_layout:name(), root => tsugi_layout:root(),
                           bin => tsugi_layout:bin()}, Details0),
    #{<<"message">> := Message, <<"hint">> := Hint, <<"exitCode">> := Exit} = definition(Code),
    #{code => atom_to_binary(Code), exitCode => Exit,
      message => tsugi_mask:text(fill(Message, Details)), hint => tsugi_mask:text(fill(Hint, Details)),
      details => maps:map(fun(_, Value) -> masked(detail(Value)) end, Details0)}.

masked(Text) when is_binary(Text) -> tsugi_mask:text(Text);
masked(Value) -> Value.

exit_code(Error) -> maps:get(exitCode, to_map(Error)).

render(Error) ->
    #{code := Code, message := Message, hint := Hint} = to_map(Error),
    %% Alternatives in a hint get a line each.
    Steps = binary:split(Hint, <<" · "/utf8>>, [global]),
    [<<"error ">>, Code, <<"\n  ">>, Message, [[<<"\n  → "/utf8>>, Step] || Step <- Steps], <<"\n">>].

%% What was caught, as an error of ours.
from_reason(throw, {tsugi_error, _, _} = Error, _) -> Error;
from_reason(error, {badmatch, {error, enospc}}, _) ->
    with_exit({tsugi_error, 'TSUGI_DISK_FULL', #{root => tsugi_layout:root(), neededMb => 1, freeMb => 0, room => tsugi_remove:room()}}, 1);
from_reason(Class, Reason, Stack) ->
    {tsugi_error, 'TSUGI_INTERNAL',
     #{problem => text(io_lib:format("~p ~0tp at ~0tp", [Class, Reason, lists:sublist(Stack, 3)]))}}.

detail(Value) when is_integer(Value); is_boolean(Value) -> Value;
detail(Value) -> text(Value).

text(Value) -> tsugi_json:text(Value).

definition(Code) ->
    Table = table(),
    Key = atom_to_binary(Code),
    case Table of
        #{Key := Definition} -> Definition;
        _ -> #{<<"message">> => <<Key/binary, ": {problem}">>, <<"hint">> => <<"">>, <<"exitCode">> => 1}
    end.

table() ->
    case file:read_file(filename:join(tsugi_layout:tsugi_priv(), "errors.json")) of
        {ok, Json} -> tsugi_json:decode(Json);
        _ -> #{}
    end.

fill(Text, Details) ->
    maps:fold(
        fun(Key, Value, Acc) ->
            binary:replace(Acc, <<"{", (atom_to_binary(Key))/binary, "}">>,
                           to_binary(detail(Value)), [global])
        end, Text, Details).

to_binary(Value) -> text(Value).
