%% Is the running release well? Its applications run, the processes whose state was carried live on,
%% and its health URL answers where it has one.
-module(tsugi_health).
-export([watch/1, unwatch/1, probation/3, check/2]).

%% The processes whose state is about to be carried: watched from before that, to the end of probation.
watch(Pids) -> [{erlang:monitor(process, Pid), Module, Pid} || {Module, Pid} <- Pids].

unwatch(References) -> [erlang:demonitor(Reference, [flush]) || {Reference, _, _} <- References], ok.

%% ok | {error, Text}. References = watch/1's; the rest is asked at intervals.
probation(Vsn, References, TotalMs) ->
    Release = tsugi_release:load(Vsn),
    IntervalMs = tsugi_settings:get(Vsn, [<<"health">>, <<"intervalMs">>]),
    Outcome = wait(Vsn, Release, References, erlang:monotonic_time(millisecond) + TotalMs, IntervalMs, 0),
    unwatch(References),
    Outcome.

wait(Vsn, Release, References, Deadline, IntervalMs, Good) ->
    Left = Deadline - erlang:monotonic_time(millisecond),
    Wanted = tsugi_settings:get(Vsn, [<<"health">>, <<"healthyAfter">>]),
    case check(Vsn, Release) of
        ok when Left =< 0 -> ok;
        ok ->
            receive
                {'DOWN', Reference, process, _, Reason}
                  when Reason =/= normal, Reason =/= shutdown ->
                    case lists:keyfind(Reference, 1, References) of
                        {_, Module, Pid} ->
                            {error, io_lib:format("~tp (~p), whose state was carried, ended: ~0tp",
                                                  [Module, Pid, Reason])};
                        false -> wait(Vsn, Release, References, Deadline, IntervalMs, Good)
                    end
            after max(1, min(IntervalMs, Left)) ->
                wait(Vsn, Release, References, Deadline, IntervalMs, Good + 1)
            end;
        {error, _} when Left > 0, Good < Wanted ->
            timer:sleep(min(IntervalMs, max(1, Left))),
            wait(Vsn, Release, References, Deadline, IntervalMs, 0);
        {error, Problem} -> {error, Problem}
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
