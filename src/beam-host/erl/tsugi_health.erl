%% Is the running release well? Its applications run, the processes whose state was carried live on,
%% and its health URL answers where it has one.
-module(tsugi_health).
-export([watch/1, probation/2, probation_note/1, check/2]).

%% In good order, as a page's process does when its client closes it; or before anybody looked.
-define(IS_ORDERLY(Reason), (Reason =:= normal orelse Reason =:= shutdown orelse Reason =:= noproc
                                 orelse is_tuple(Reason) andalso element(1, Reason) =:= shutdown)).

%% The processes whose state is about to be carried: watched from before that, to the end of probation.
watch(Pids) -> [{erlang:monitor(process, Pid), Module, Pid} || {Module, Pid} <- Pids].

%% Healthy `healthyAfter` times in a row before `probationMs` is over: a time-out is a failure, never a
%% promotion. One that is too short for that many checks could never be passed: it lasts for as long as they take.
%% References = watch/1's. Answers ok | {error, Text}.
probation(Vsn, References) ->
    #{lasts := Ms} = Times = times(Vsn),
    [logger:warning("~ts", [Note]) || Note <- probation_note(Vsn)],
    Rules = Times#{release => tsugi_release:load(Vsn), version => Vsn, watched => References,
                   deadline => erlang:monotonic_time(millisecond) + Ms},
    Outcome = probe(Rules, 0, "no health check has ended in time"),
    [erlang:demonitor(Reference, [flush]) || {Reference, _, _} <- References],
    Outcome.

times(Vsn) ->
    [Asked, Wanted, Interval] =
        [tsugi_settings:get(Vsn, Path) || Path <- [[<<"timeouts">>, <<"probationMs">>], [<<"health">>, <<"healthyAfter">>],
                                                   [<<"health">>, <<"intervalMs">>]]],
    #{asked => Asked, wanted => Wanted, interval => Interval, lasts => max(Asked, Wanted * Interval)}.

%% Where it lasts longer than was asked for: [Text].
probation_note(Vsn) ->
    case times(Vsn) of
        #{asked := Ms, lasts := Ms} -> [];
        #{asked := Asked, lasts := Ms, wanted := Wanted, interval := Interval} ->
            [io_lib:format("probation lasts up to ~b ms: timeouts.probationMs ~b has no room for "
                           "health.healthyAfter ~b × health.intervalMs ~b", [Ms, Asked, Wanted, Interval])]
    end.

probe(#{release := Release, version := Vsn, wanted := Wanted} = Rules, Good, Problem) ->
    case check(Vsn, Release) of
        ok when Good + 1 >= Wanted -> died(Rules, 0, fun() -> ok end);
        ok -> again(Rules, Good + 1, Problem);
        {error, New} -> again(Rules, 0, New)
    end.

again(#{interval := Interval, deadline := Deadline} = Rules, Good, Problem) ->
    case erlang:monotonic_time(millisecond) + Interval > Deadline of
        true -> {error, Problem};
        false -> died(Rules, Interval, fun() -> probe(Rules, Good, Problem) end)
    end.

%% Waits, unless one of those whose state was carried ends.
died(#{watched := References} = Rules, WaitMs, Else) ->
    receive
        {'DOWN', Reference, process, _, Reason} when not ?IS_ORDERLY(Reason) ->
            case lists:keyfind(Reference, 1, References) of
                {_, Module, Pid} ->
                    {error, io_lib:format("~tp (~p), whose state was carried, ended: ~0tp", [Module, Pid, Reason])};
                false -> died(Rules, WaitMs, Else)
            end
    after WaitMs -> Else()
    end.

check(Vsn, Release) ->
    Running = [App || {App, _, _} <- application:which_applications()],
    case tsugi_release:permanent_apps(Release) -- Running of
        [] -> check_url(Vsn);
        [App | _] -> {error, ["application ", atom_to_list(App), " does not run"]}
    end.

check_url(Vsn) ->
    case {tsugi_settings:get(Vsn, [<<"health">>, <<"path">>]),
          tsugi_settings:get(Vsn, [<<"health">>, <<"port">>])} of
        {Path, Port} when is_binary(Path), is_integer(Port) -> get_url(Path, Port);
        _ -> ok
    end.

get_url(Path, Port) ->
    Problem = fun(Text) -> {error, [Path, " on port ", integer_to_list(Port), ": ", Text]} end,
    case gen_tcp:connect({127, 0, 0, 1}, Port, [binary, {active, false}], 2000) of
        {ok, Socket} ->
            ok = gen_tcp:send(Socket, ["GET ", Path, " HTTP/1.1\r\nhost: localhost\r\nconnection: close\r\n\r\n"]),
            Answer = gen_tcp:recv(Socket, 0, 5000),
            gen_tcp:close(Socket),
            case Answer of
                {ok, <<"HTTP/1.", _, " 2", _/binary>>} -> ok;
                {ok, Bytes} -> Problem(hd(binary:split(Bytes, <<"\r\n">>)));
                {error, Reason} -> Problem(atom_to_list(Reason))
            end;
        {error, Reason} -> Problem(inet:format_error(Reason))
    end.
