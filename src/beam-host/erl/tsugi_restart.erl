%% Strategy restart: another OTP, ERTS or Elixir. The old VM stops, the keeper boots the new release,
%% and the new node judges itself; until it has, a boot that fails goes back to the old one. Then it goes
%% the end of an upgrade's way (tsugi_upgrade).
-module(tsugi_restart).
-export([begin_restart/1, judge/1, measured/1]).

%% In the old node, which goes down now. When the new release does not come up, the keeper boots what
%% start_erl.data names.
begin_restart(#{to := To} = Entry) ->
    try
        Stopped = #{atMs => os:system_time(millisecond), connections => tsugi_sockets:count(tsugi_sockets:watch())},
        tsugi_journal:write(Entry#{phase => restart, stopped => Stopped}),
        tsugi_files:write(run("boot"), [To, "\n"]),
        tsugi_files:write(run("again"), "\n")
    catch Class:Reason:Stack ->
        %% The next death of this VM is no part of this upgrade.
        _ = file:delete(run("again")),
        erlang:raise(Class, Reason, Stack)
    end,
    init:stop().

run(File) -> tsugi_layout:at(["run", File]).

%% The gap: from the old VM's stop until this one is up, over the clock that both have. Every connection
%% ended with the old one.
measured(#{report := Report, stopped := #{atMs := AtMs, connections := Connections}}) ->
    GapMs = max(0, os:system_time(millisecond) - AtMs),
    tsugi_report:entered(Report#{pauseMs => GapMs, connections => #{carried => 0, drained => 0, lost => Connections}},
                         #{name => <<"restart">>, ms => GapMs}).

%% In the new node.
judge(#{from := From, to := To} = Entry) ->
    {Health, Proven} = step(probation, measured(Entry), fun() -> tsugi_health:probation(To, []) end),
    case Health of
        ok ->
            case step(commit, Proven, fun() -> commit(Entry) end) of
                {ok, Committed} -> tsugi_upgrade:conclude(Entry, Committed);
                {{error, Error}, Failed} -> back(From, Error, tsugi_report:failing(Failed))
            end;
        {error, Why} ->
            Error = {tsugi_error, 'TSUGI_UNHEALTHY', #{version => To, previous => From, problem => Why}},
            back(From, Error, tsugi_report:failing(Proven))
    end.

step(Name, Report, Fun) ->
    {Value, Ms} = tsugi_time:measure(Fun),
    {Value, tsugi_report:entered(Report, #{name => atom_to_binary(Name), ms => Ms})}.

commit(#{to := To} = Entry) ->
    try tsugi_handler:write_start_erl(To) of
        _ -> committed(Entry)
    catch Class:Reason:Stack ->
        %% It may have failed behind the rename: what start_erl.data names is what counts.
        case tsugi_handler:permanent_on_disk() of
            To -> committed(Entry);
            _ -> {error, tsugi_error:from_reason(Class, Reason, Stack)}
        end
    end.

%% start_erl.data names it: all else is mended by tsugi_handler:agree/1 where it can't be written now.
committed(#{to := To} = Entry) ->
    tsugi_files:now_or_later(fun() ->
        ok = tsugi_handler:adopt(To),
        ok = tsugi_handler:ensure_releases(To),
        tsugi_handler:write_view(tsugi_upgrade:marks(Entry))
    end).

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
