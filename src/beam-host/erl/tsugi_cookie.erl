%% A cookie on the command line can be read by every user of the machine, and `-args_file` ends up
%% there too. So the VM is started with a throw-away one, and the boot script calls set/0 right after
%% stdlib has started, before any application could talk to another node.
-module(tsugi_cookie).
-export([set/0, cookie/0]).

set() ->
    case {node(), cookie()} of
        {nonode@nohost, _} -> ok;
        {_, ""} -> ok;
        {Node, Cookie} -> erlang:set_cookie(Node, list_to_atom(Cookie)), ok
    end.

%% Nothing but kernel and stdlib may be counted on here.
cookie() ->
    case os:getenv("RELEASE_COOKIE", "") of
        "" ->
            case file:read_file(filename:join([code:root_dir(), "releases", "COOKIE"])) of
                {ok, Bytes} -> string:trim(binary_to_list(Bytes));
                {error, _} -> ""
            end;
        Given -> Given
    end.
