%% Runs on the build machine: what `help` says, as files, so that a host needs no VM to print it.
%% @NAME@ and @ROOT@ stand for the application and its install root.
-module(tsugi_help).
-export([main/0]).

main() ->
    [Folder] = init:get_plain_arguments(),
    true = os:putenv("TSUGI_NAME", "@NAME@"),
    true = os:putenv("TSUGI_ROOT", "@ROOT@"),
    write(Folder, "all", []),
    [write(Folder, Verb, [Verb]) || Verb <- tsugi_usage:verbs()],
    halt(0).

write(Folder, Name, Arguments) ->
    {ok, _, Text} = tsugi_usage:help("", Arguments, #{}),
    Line = string:trim(unicode:characters_to_binary(Text), trailing, "\n"),
    ok = file:write_file(filename:join(Folder, Name), [Line, "\n"]).
