%% What an operator would type into a remote shell comes in by standard input, a line a command:
%% "upgrade <version>" unpacks, installs and makes permanent, and prints "done".
-module(feed_control).
-export([loop/0]).

loop() ->
    case io:get_line("") of
        eof -> init:stop();
        Line ->
            command(string:lexemes(Line, " \n")),
            loop()
    end.

command(["upgrade", Version]) ->
    try
        {ok, Version} = release_handler:unpack_release("feed-" ++ Version),
        {ok, _, _} = release_handler:check_install_release(Version),
        {ok, _, _} = release_handler:install_release(Version),
        ok = release_handler:make_permanent(Version),
        io:format("done~n")
    catch _:Reason -> io:format("failed ~0p~n", [Reason])
    end.
