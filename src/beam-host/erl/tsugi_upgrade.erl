%% One loop owns an upgrade: this one, in the running node. release_handler swaps the code; everything
%% before (proof) and after (verdict) is here.
%%
%%   unpack     every file against the manifest                                    ┐
%%   plan       appups and relup from the two sets of beams                        │ old serves,
%%   load       configuration evaluated by the new code; check_install_release     │ untouched
%%   rehearse   live state through the new code_change, in a throwaway VM          │
%%   before     migrations                                                         │
%%   freeze     processes that carry state are suspended   (time-out → exit 4)     ┘ ┐ the pause
%%   ── point of no return: release_handler:install_release ─────────────────────    │ measured
%%   carry      code_change, new code, resume                                      ─ ┘
%%   verify     every module's md5, no process in old code       ┐ failing → the same relup, down
%%   probation  health                                           ┘ (exit 5)
%%   commit     make_permanent
%%   after      migrations that need the old version gone
%%
%% A crash between the point of no return and carry's end is OTP's: the node restarts into the
%% permanent release, in the same OS process; its state is gone. The journal (tsugi_journal) lets the
%% restarted node say so.
-module(tsugi_upgrade).
-export([run/2, passed/0, commit_installed/1]).

%% Request = #{asked, goal => check | install | upgrade | give_up, direction => auto | up | down, options}
%% Emit = fun(Event). Answers {done, Report} | {failed, Error, Report} | {restart, Plan, Report}.
run(Request, Emit) ->
    From = tsugi_handler:current(),
    S = #{request => Request, emit => Emit, from => From, to => undefined, phase => before,
          report => tsugi_report:new(From, From, none)},
    put(tsugi_state, S),
    try go(S)
    catch Class:Reason:Stack -> stopped(tsugi_error:from_reason(Class, Reason, Stack), get(tsugi_state))
    end.

%% What fails unforeseen while the new code is in and not permanent is a verdict too.
stopped(Error, #{phase := installed, plan := #{apps := _} = Plan} = S) ->
    try hand_back(S, Plan, Error, [])
    catch _:Reason ->
        %% Not even that can be written down: what is permanent boots.
        Answer = going_down(get(tsugi_state), Reason, 0),
        init:restart(),
        Answer
    end;
stopped(Error, S) -> failed(Error, S).

go(#{request := #{goal := give_up}} = S) -> give_up(S);
go(#{from := From, request := #{asked := Asked, goal := Goal} = Request} = S0) ->
    Options = maps:get(options, Request, #{}),
    #{version := To} = unpack(Asked, Options),
    S1 = set(S0#{to => To, report => (maps:get(report, S0))#{to => tsugi_json:text(To)}}),
    case {To =:= From, tsugi_handler:status(From)} of
        {true, current} when Goal =:= upgrade -> commit_current(S1);
        {true, _} -> already(S1);
        {false, _} ->
            %% From here on a node that goes down says so when it is back.
            tsugi_journal:write(#{from => From, to => To, phase => proving, report => maps:get(report, S1)}),
            {Plan, S2} = step(plan, S1, fun() -> plan(S1, Options) end),
            S3 = with_plan(S2, Plan),
            case maps:get(strategy, Plan) of
                restart -> restart(S3, Plan, Options);
                _ -> prove(S3, Plan, Options, Goal)
            end
    end.

unpack(Asked, Options) ->
    #{version := Vsn} = Unpacked = tsugi_unpack:unpack(Asked, Options),
    case tsugi_handler:status(Vsn) of
        undefined -> ok = tsugi_handler:set_unpacked(Vsn);
        _ -> ok
    end,
    tsugi_handler:write_view(#{Vsn => case Unpacked of #{already := true} -> #{}; _ -> #{verified => true} end}),
    Unpacked.

plan(#{from := From, to := To, request := Request}, Options) ->
    Base = #{force => maps:get(force, Options, false)},
    tsugi_plan:make(From, To, case maps:get(direction, Request, auto) of
                                  auto -> Base;
                                  Direction -> Base#{direction => Direction}
                              end).

with_plan(#{report := Report} = S, #{strategy := Strategy, reasons := Reasons} = Plan) ->
    set(S#{plan => Plan,
           report => Report#{strategy => atom_to_binary(Strategy),
                             reasons => [tsugi_json:text(R) || R <- Reasons]}}).

already(#{to := To} = S) ->
    Report = maps:get(report, S),
    done(set(S#{report => Report#{reasons => [tsugi_json:text([To, " runs already"])]}}), committed).

%% An OTP, ERTS or Elixir change: only when asked for by name.
restart(S, #{to := #{vsn := To}} = Plan, #{allowRestart := true}) ->
    {_, S1} = step(load, S, fun() -> tsugi_config:evaluate(To) end),
    S2 = hooks(before, S1, Plan),
    {restart, Plan, maps:get(report, S2)};
restart(#{request := #{goal := check}} = S, _, _) -> done(S, checked);
restart(_, #{reasons := Reasons, to := #{vsn := To}}, _) ->
    tsugi_error:throw('TSUGI_RESTART_NEEDED',
                      #{version => To, reasons => lists:join(", ", Reasons)}).

%% --- the old serves, untouched ------------------------------------------------------------------

prove(#{from := From} = S0, Plan, Options, Goal) ->
    {Loaded, S1} = step(load, S0, fun() -> load(S0, Plan) end),
    S2 = rehearse(S1, Plan, Loaded, Options),
    case Goal of
        check -> done(S2, checked);
        _ ->
            S3 = hooks(before, S2, Plan),
            tsugi_journal:write(#{from => From, to => maps:get(to, S3), phase => install,
                                  report => maps:get(report, S3)}),
            carry(S3, Plan, Loaded, Goal)
    end.

load(#{to := To, from := From}, Plan) ->
    Snapshot = tsugi_env:snapshot(),
    NewConfig = tsugi_config:evaluate(To),
    Script = tsugi_relup:write(Plan),
    purge_leftovers(Script),
    case release_handler:check_install_release(To) of
        {ok, _, _} -> ok;
        {error, {old_processes, Module}} ->
            tsugi_error:throw('TSUGI_OLD_CODE', #{module => Module});
        {error, Reason} ->
            tsugi_error:throw('TSUGI_HANDLER_REFUSED',
                              #{step => check, problem => io_lib:format("~0tp", [Reason])})
    end,
    #{script => Script, config => NewConfig,
      overrides => tsugi_env:overrides(Snapshot, tsugi_config:read(From), NewConfig)}.

%% What an earlier upgrade has left: code without a process in it.
purge_leftovers(Script) ->
    [code:soft_purge(M) || {load, {M, _, _}} <- Script, erlang:check_old_code(M)],
    [code:soft_purge(M) || {remove, {M, _, _}} <- Script, erlang:check_old_code(M)],
    ok.

rehearse(S, Plan, #{script := Script}, Options) ->
    {States, S1} = step(rehearse, S, fun() ->
        tsugi_rehearse:run(Plan, Script, maps:get(rehearse, Options, <<"auto">>))
    end),
    set(S1#{states => States}).

hooks(Moment, S, #{from := #{vsn := From}, to := #{vsn := To}, direction := Direction}) ->
    Newer = case Direction of up -> To; down -> From end,
    case tsugi_hooks:wanted(Newer, Direction, Moment) of
        [] -> S;
        Hooks ->
            {_, S1} = step(Moment, S, fun() ->
                [tsugi_hooks:run(Newer, Hook, {From, To, Direction}, Moment) || Hook <- Hooks]
            end),
            S1
    end.

%% --- the pause ----------------------------------------------------------------------------------

carry(#{from := From, to := To} = S0, Plan, #{script := Script, config := Config, overrides := Overrides}, Goal) ->
    Snapshot = tsugi_env:snapshot(),
    Ports = connections(),
    FreezeMs = tsugi_settings:get(From, [<<"timeouts">>, <<"freezeMs">>]),
    S1 = set(S0#{phase => freeze}),
    {Frozen, S2} = step(freeze, S1, fun() -> tsugi_freeze:freeze(suspended(Script), FreezeMs) end),
    S3 = set(S2#{frozen => Frozen, watched => tsugi_health:watch(maps:get(suspended, Frozen))}),
    ok = tsugi_config:write(To, tsugi_env:overlay(Config, Overrides)),
    persistent_term:erase(?MODULE),
    {Outcome, S4} = step(carry, S3, fun() ->
        tsugi_handler:install(To, [{suspend_timeout, FreezeMs}, {code_change_timeout, infinity},
                                   {error_action, restart}])
    end),
    PauseMs = tsugi_freeze:thaw(Frozen),
    case Outcome of
        ok ->
            S5 = set((measured(S4, Frozen, PauseMs, Ports, Script, Plan))#{phase => installed}),
            %% What stands there is true of the running node; without its overrides it is for the next boot.
            tsugi_files:now_or_later(fun() -> ok = tsugi_config:write(To, Config) end),
            tsugi_env:put_unwritable(Overrides),
            tsugi_env:os_env(),
            judge(S5, Plan, Script, Goal);
        {error, Reason} ->
            case persistent_term:get(?MODULE, false) of
                true -> going_down(S4, Reason, length(Ports));
                false ->
                    tsugi_env:restore(Snapshot),
                    tsugi_error:throw('TSUGI_HANDLER_REFUSED',
                                      #{step => install, problem => io_lib:format("~0tp", [Reason])})
            end
    end.

suspended(Script) ->
    lists:append([[case M of {Module, _} -> Module; _ -> M end || M <- Modules]
                  || {suspend, Modules} <- Script]).

%% Called by the relup, right after its point of no return.
passed() -> persistent_term:put(?MODULE, true), ok.

%% The application's own: not those of the distribution, nor the one to epmd.
connections() ->
    System = [whereis(Name) || Name <- [net_kernel, erl_epmd, inet_db, rex]],
    Distribution = [Port || {_, Port} <- erlang:system_info(dist_ctrl)],
    [Port || Port <- erlang:ports() -- Distribution,
             erlang:port_info(Port, name) =:= {name, "tcp_inet"},
             element(1, inet:peername(Port)) =:= ok,
             {connected, Owner} <- [erlang:port_info(Port, connected)],
             not lists:member(Owner, System)].

measured(#{report := Report, states := States} = S, Frozen, ThawMs, Ports, Script, Plan) ->
    #{pauseMs := PauseMs, waited := Waited} = tsugi_freeze:measured(Frozen, ThawMs),
    Carried = length([P || P <- Ports, erlang:port_info(P) =/= undefined]),
    set(S#{report => Report#{
        steps => maps:get(steps, Report),
        pauseMs => PauseMs, quietMs => #{p50 => PauseMs, p99 => PauseMs, max => PauseMs},
        requests => #{waited => Waited, underWay => 0},
        connections => #{carried => Carried, drained => 0, lost => 0},
        states => tsugi_rehearse:report(States, Frozen, Script, Plan)}}).

%% code_change failed behind the point of no return: init:restart is under way.
going_down(#{report := Report, from := From, to := To}, Reason, Lost) ->
    Error = {tsugi_error, 'TSUGI_CODE_CHANGE_CRASHED',
             #{version => To, previous => From, problem => io_lib:format("~0tp", [Reason])}},
    Final = (tsugi_report:finish(Report, 'handed-back', Error))#{
        connections => #{carried => 0, drained => 0, lost => Lost},
        stateAsOf => <<"the restart: state in memory was lost">>},
    %% Without it the node says less when it is back.
    catch tsugi_journal:write(#{from => From, to => To, phase => crashed, report => Final}),
    {failed, Error, Final}.

%% --- the verdict --------------------------------------------------------------------------------

judge(#{to := To} = S0, Plan, Script, Goal) ->
    {Problem, S1} = step(verify, S0, fun() -> verify(To, Script, Plan) end),
    case Problem of
        ok ->
            {Health, S2} = step(probation, S1, fun() -> tsugi_health:probation(To, maps:get(watched, S1)) end),
            case {Health, Goal} of
                {ok, install} -> installed(S2);
                {ok, upgrade} -> commit(S2, Plan);
                {{error, Why}, _} ->
                    hand_back(failing(S2), Plan, {tsugi_error, 'TSUGI_UNHEALTHY',
                                         #{version => To, previous => maps:get(from, S2), problem => Why}}, [])
            end;
        {Error, Leftovers} -> hand_back(failing(S1), Plan, Error, Leftovers)
    end.

%% The last step is the one that ended it.
failing(#{report := #{steps := Steps} = Report} = S) ->
    set(S#{report => Report#{steps => lists:droplast(Steps) ++ [(lists:last(Steps))#{failed => true}]}}).

%% Current, not permanent: its report is written when that is decided.
installed(#{report := Report} = S) ->
    persistent_term:put({?MODULE, installed}, maps:with([report, plan], S)),
    tsugi_journal:clear(),
    tsugi_handler:write_view_or_later(#{}),
    {done, Report#{result => <<"committed">>}, undefined}.

%% In the node, for `commit`.
commit_installed(Listener) ->
    From = tsugi_handler:current(),
    tsugi_handler:status(From) =:= current orelse tsugi_error:throw('TSUGI_NOTHING_TO_COMMIT', #{}),
    whereis(tsugi_upgrade) =:= undefined orelse tsugi_error:throw('TSUGI_UPGRADE_UNDER_WAY', #{version => From}),
    Emit = fun(Event) -> Listener ! {tsugi_event, Event} end,
    commit_current(#{request => #{asked => From, goal => upgrade}, emit => Emit, from => From, to => From,
                     phase => installed, report => tsugi_report:new(From, From, none)}).

commit_current(#{to := To} = S0) ->
    case persistent_term:get({?MODULE, installed}, none) of
        #{report := Report, plan := #{from := #{vsn := From}} = Plan} ->
            commit(set(S0#{from => From, phase => installed, plan => Plan, report => Report}), Plan);
        none -> commit(set(S0#{phase => installed}), #{from => #{vsn => To}, direction => up})
    end.

%% `rollback` of what was installed and never made permanent.
give_up(#{from := Current, request := #{asked := Permanent}} = S0) ->
    Plan = tsugi_plan:make(Permanent, Current, #{force => true}),
    Report = case persistent_term:get({?MODULE, installed}, none) of
        #{report := Known} -> Known;
        none -> (tsugi_report:new(Permanent, Current, swap))#{reasons => []}
    end,
    S1 = set(S0#{from => Permanent, to => Current, plan => Plan, report => Report, phase => installed}),
    case back(S1, Plan) of
        {ok, S2} ->
            persistent_term:erase({?MODULE, installed}),
            done(S2, 'handed-back');
        {{error, Reason}, S2} -> going_down(S2, Reason, 0)
    end.

verify(To, Script, #{apps := Apps}) ->
    %% Forced past an appup that leaves modules out: they were meant to stay as they are.
    LeftOut = lists:append([maps:get(left_out, App, []) || App <- Apps]),
    Modules = [M || {load, {M, _, _}} <- Script] ++ [M || {remove, {M, _, _}} <- Script],
    DrainMs = tsugi_settings:get(To, [<<"timeouts">>, <<"drainMs">>]),
    case tsugi_verify:wrong_code(tsugi_release:load(To)) -- LeftOut of
        [Module | _] = All ->
            {{tsugi_error, 'TSUGI_WRONG_CODE', #{version => To, module => Module, count => length(All)}}, []};
        [] ->
            case tsugi_verify:lingering(Modules, DrainMs) of
                [] -> ok;
                [First | _] = Leftovers ->
                    {{tsugi_error, 'TSUGI_OLD_CODE_RUNS', #{version => To, process => First,
                                                            drainMs => DrainMs}}, Leftovers}
            end
    end.

%% The relup's other entry: the same way back, with the state.
hand_back(#{to := To, report := Report} = S, Plan, Error, Leftovers) ->
    case back(set(S#{report => Report#{leftovers => Leftovers}}), Plan) of
        {ok, S1} -> failed(Error, S1#{phase => handed_back});
        {{error, Reason}, S1} -> going_down(S1#{to => To}, Reason, 0)
    end.

back(#{from := From, to := To} = S, #{direction := Direction}) ->
    Back = tsugi_plan:make(To, From, #{direction => opposite(Direction), force => true}),
    {Outcome, S1} = step('hand-back', S, fun() -> install_back(Back, S) end),
    case Outcome of ok -> ok = tsugi_handler:make_permanent(From); _ -> ok end,
    {Outcome, S1}.

opposite(up) -> down;
opposite(down) -> up.

install_back(#{to := #{vsn := Vsn}, from := #{vsn := From}} = Back, _) ->
    Script = tsugi_relup:write(Back),
    [code:purge(M) || {load, {M, _, _}} <- Script, erlang:check_old_code(M)],
    [code:purge(M) || {remove, {M, _, _}} <- Script, erlang:check_old_code(M)],
    Config = tsugi_config:read(Vsn),
    Overrides = tsugi_env:overrides(tsugi_env:snapshot(), tsugi_config:read(From), Config),
    ok = tsugi_config:write(Vsn, tsugi_env:overlay(Config, Overrides)),
    Outcome = tsugi_handler:install(Vsn, [{error_action, restart}]),
    ok = tsugi_config:write(Vsn, Config),
    tsugi_env:put_unwritable(Overrides),
    Outcome.

commit(#{to := To} = S0, Plan) ->
    {_, S1} = step(commit, S0, fun() ->
        ok = tsugi_handler:make_permanent(To),
        os:putenv("RELEASE_VSN", To),
        tsugi_handler:write_view_or_later(maps:merge(left(S0), #{To => #{committed => true}}))
    end),
    tsugi_journal:clear(),
    _ = persistent_term:erase({?MODULE, installed}),
    S2 = set(S1#{phase => committed}),
    S3 = case Plan of #{to := _} -> hooks('after', S2, Plan); _ -> S2 end,
    {_, S4} = step(prune, S3, fun() ->
        _ = tsugi_remove:prune(tsugi_settings:get(To, [<<"keepReleases">>])),
        tsugi_handler:write_view_or_later(#{})
    end),
    done(S4, committed).

left(#{from := From, request := #{words := #{direction := rollback}}}) -> #{From => #{rolledBack => true}};
left(_) -> #{}.

%% --- ends ---------------------------------------------------------------------------------------

done(#{report := Report, request := #{goal := Goal}} = S, Result) ->
    Final = tsugi_report:finish(Report, Result, undefined),
    _ = Goal =:= check orelse maps:get(strategy, Final) =:= <<"none">> orelse tsugi_report:append(Final),
    tsugi_journal:clear(),
    tsugi_handler:write_view_or_later(#{}),
    {done, Final, maps:get(plan, S, undefined)}.

failed(Error, #{report := Report, phase := Phase} = S) ->
    _ = case S of #{frozen := Frozen, phase := freeze} -> tsugi_freeze:thaw(Frozen); _ -> ok end,
    Result = case Phase of
        before -> refused;
        freeze -> thawed;
        committed -> committed;
        _ -> 'handed-back'
    end,
    Final = tsugi_report:finish(Report, Result, Error),
    _ = lists:member(maps:get(goal, maps:get(request, S)), [install, upgrade]) andalso tsugi_report:append(Final),
    tsugi_journal:clear(),
    tsugi_handler:write_view_or_later(#{}),
    {failed, Error, Final}.

%% --- steps --------------------------------------------------------------------------------------

step(Name, #{emit := Emit} = S, Fun) ->
    Emit({step, Name, 'begin', 0}),
    #{report := #{steps := Steps} = Report} = S,
    Start = erlang:monotonic_time(microsecond),
    Ms = fun() -> (erlang:monotonic_time(microsecond) - Start) / 1000 end,
    Taken = fun(Entry) -> set(S#{report => Report#{steps => Steps ++ [Entry]}}) end,
    try Fun() of
        Value ->
            Entry = #{name => atom_to_binary(Name), ms => Ms()},
            Emit({step, Name, 'end', maps:get(ms, Entry)}),
            {Value, Taken(Entry)}
    catch
        Class:Reason:Stack ->
            _ = Taken(#{name => atom_to_binary(Name), ms => Ms(), failed => true}),
            erlang:raise(Class, Reason, Stack)
    end.

%% Kept where an exception finds it.
set(S) -> put(tsugi_state, S), S.
