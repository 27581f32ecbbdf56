%% Strategy restart: another OTP, ERTS or Elixir. The old VM stops, the keeper boots the new release,
%% and the new node judges itself; until it has, a boot that fails goes back to the old one.
-module(tsugi_restart).
-export([begin_restart/2, judge/1, measured/1]).

%% In the old node. When the new release does not come up, the keeper boots what start_erl.data names.
begin_restart(#{from := #{vsn := From}, to := #{vsn := To}}, Report) ->
    try
        Stopped = #{atMs => os:system_time(millisecond), connections => tsugi_sockets:count(tsugi_sockets:watch())},
        tsugi_journal:write(#{phase => restart, from => From, to => To, report => Report, stopped => Stopped}),
        tsugi_files:write(run("boot"), [To, "\n"]),
        tsugi_files:write(run("again"), "\n")
    catch Class:Reason:Stack ->
        %% Nothing has been touched: the next death of this VM is no part of this upgrade any more.
        _ = file:delete(run("again")),
        tsugi_journal:clear(),
        Error = tsugi_error:with_exit(tsugi_error:from_reason(Class, Reason, Stack), 4),
        tsugi_report:append(tsugi_report:finish(Report, refused, Error)),
        erlang:throw(Error)
    end,
    init:stop(),
    ok.

run(File) -> tsugi_layout:at(["run", File]).

%% The gap: from the old VM's stop until this one is up, over the clock that both have. Every connection
%% ended with the old one.
measured(#{report := #{steps := Steps} = Report, stopped := #{atMs := AtMs, connections := Connections}}) ->
    GapMs = max(0, os:system_time(millisecond) - AtMs),
    Report#{pauseMs => GapMs, connections => #{carried => 0, drained => 0, lost => Connections},
            steps => Steps ++ [#{name => <<"restart">>, ms => GapMs}]}.

%% In the new node.
judge(#{from := From, to := To} = Entry) ->
    Report = measured(Entry),
    case tsugi_health:probation(To, []) of
        ok ->
            try tsugi_handler:write_start_erl(To) of
                _ -> committed(To, Report)
            catch Class:Reason:Stack ->
                %% It may have failed behind the rename: what start_erl.data names is what counts.
                case tsugi_handler:permanent_on_disk() of
                    To -> committed(To, Report);
                    _ -> back(From, tsugi_error:from_reason(Class, Reason, Stack), Report)
                end
            end;
        {error, Why} ->
            back(From, {tsugi_error, 'TSUGI_UNHEALTHY', #{version => To, previous => From, problem => Why}}, Report)
    end.

%% start_erl.data names it: all else is mended by tsugi_handler:agree/1 where it can't be written now.
committed(To, Report) ->
    tsugi_files:now_or_later(fun() ->
        ok = tsugi_handler:adopt(To),
        ok = tsugi_handler:ensure_releases(To),
        tsugi_handler:write_view(#{To => #{committed => true}})
    end),
    tsugi_report:append(tsugi_report:finish(Report#{strategy => <<"restart">>}, committed, undefined)).

%% Not a failure in the keeper's eyes; where not even that can be written, one after which it boots what
%% start_erl.data names.
back(From, Error, Report) ->
    tsugi_report:append((tsugi_report:finish(Report, 'handed-back', Error))#{
        stateAsOf => <<"the restart: state in memory was lost">>}),
    try
        tsugi_files:write(run("boot"), [From, "\n"]),
        tsugi_files:write(run("again"), "\n"),
        init:stop()
    catch _:_ -> init:stop(1)
    end.
