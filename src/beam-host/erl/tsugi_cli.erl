%% bin/<app>: parses, runs one command, prints its result or its error, sets the exit code. A command
%% answers {Json, Text}; --json prints the first on stdout. Progress and errors go to stderr.
-module(tsugi_cli).
-export([main/0, main/1, print/1, note/1, note/2]).

main() -> main([]).

main(_) ->
    _ = os:set_signal(sighup, ignore),
    _ = [io:setopts(Device, [{encoding, unicode}]) || Device <- [standard_io, standard_error]],
    [Vsn | Words] = init:get_plain_arguments(),
    Json = lists:member("--json", lists:takewhile(fun(W) -> W =/= "--" end, Words)),
    Code = try run(Vsn, Words, Json)
           catch Class:Reason:Stack -> show_error(tsugi_error:from_reason(Class, Reason, Stack), Json, Stack)
           end,
    %% Waits until what was printed has left; init:stop would take half a second more.
    erlang:halt(Code).

run(Vsn, Words, Json) ->
    {Module, Function, Arguments, Options} = tsugi_usage:parse(Words),
    case Module:Function(Vsn, Arguments, Options) of
        {ok, Value, Text} -> show(Json, Value, Text), 0;
        {exit, Code, Value, Text, Error} ->
            _ = Json andalso print([tsugi_json:pretty(Value), "\n"]),
            _ = Json orelse Text =:= "" orelse note(Text),
            note(tsugi_error:render(Error)),
            Code
    end.

show(true, Value, _) -> print([tsugi_json:pretty(Value), "\n"]);
show(false, _, "") -> ok;
show(false, _, Text) -> print([string:trim(to_text(Text), trailing, "\n"), "\n"]).

show_error(Error, Json, Stack) ->
    _ = Json andalso print([tsugi_json:pretty(#{error => tsugi_error:to_map(Error)}), "\n"]),
    note(tsugi_error:render(Error)),
    _ = os:getenv("TSUGI_DEBUG") =/= false andalso note(tsugi_mask:text(tsugi_json:text(io_lib:format("~tp", [Stack])))),
    tsugi_error:exit_code(Error).

print(Text) -> io:put_chars(to_text(Text)).

note(Text) -> io:put_chars(standard_error, [string:trim(to_text(Text), trailing, "\n"), "\n"]).
note(Format, Args) -> note(io_lib:format(Format, Args)).

to_text(Text) -> unicode:characters_to_list(unicode:characters_to_binary(Text)).
