%% Connections before and after an upgrade, counted. One that closed because its process crashed is lost;
%% one that its client or its server has closed in good order is neither carried nor lost.
-module(tsugi_sockets).
-export([watch/0, count/1, outcome/1]).

watch() ->
    [{Port, Owner, erlang:monitor(process, Owner)} || {Port, Owner} <- tsugi_connections:sockets()].

count(Watched) -> length(Watched).

outcome(Watched) ->
    Fates = [fate(Each) || Each <- Watched],
    #{carried => length([1 || carried <- Fates]), drained => 0, lost => length([1 || lost <- Fates])}.

fate({Port, _, Reference}) ->
    erlang:demonitor(Reference),
    Ended = receive {'DOWN', Reference, process, _, Why} -> {ended, Why} after 0 -> lives end,
    case {erlang:port_info(Port), Ended} of
        {undefined, lives} -> closed;
        {undefined, {ended, Reason}} -> case is_orderly(Reason) of true -> closed; false -> lost end;
        _ -> carried
    end.

is_orderly(normal) -> true;
%% It had ended before anybody looked, and so before the upgrade.
is_orderly(noproc) -> true;
is_orderly(shutdown) -> true;
is_orderly({shutdown, _}) -> true;
is_orderly(_) -> false.
