%% run/upgrade.term: written before the point of no return, removed at the end. A node that boots and
%% finds it knows that an upgrade ended with the node's restart, and reports it.
-module(tsugi_journal).
-export([write/1, clear/0, take/0]).

file() -> tsugi_layout:at(["run", "upgrade.term"]).

write(Entry) -> tsugi_files:write(file(), io_lib:format("%% coding: utf-8~n~tp.~n", [Entry]), 8#600).

clear() -> _ = file:delete(file()), ok.

take() ->
    case file:consult(file()) of
        {ok, [Entry]} -> clear(), Entry;
        _ -> none
    end.
