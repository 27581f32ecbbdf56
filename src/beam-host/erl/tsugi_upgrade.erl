%% One loop owns an upgrade: this one, in the running node. release_handler swaps the code; everything
%% before (proof) and after (verdict) is here.
%%
%%   unpack     every file against the manifest                                    ┐
%%   plan       appups and relup from the two sets of beams                        │ old serves,
%%   load       configuration evaluated by the new code; check_install_release     │ untouched
%%   rehearse   live state through the new code_change, in a throwaway VM          │
%%   before     migrations                                                         │
%%   freeze     connections held, state suspended          (time-out → exit 4)     ┘ ┐ the pause
%%   ── point of no return, in release_handler:install_release (tsugi_script) ───    │ (tsugi_pause),
%%   carry      code_change, all new code at once, all go on                       ─ ┘ measured
%%   verify     every module's md5, no process in old code       ┐ failing → the same relup, down
%%   probation  health                                           ┘ (exit 5)
%%   commit     make_permanent
%%   after      migrations that need the old version gone
%%
%% A crash between the point of no return and carry's end is OTP's: the node restarts into the
%% permanent release, in the same OS process; its state is gone. The journal (tsugi_journal) lets the
%% restarted node say so.
-module(tsugi_upgrade).
-export([run/2, steps/1, passed/0, commit_installed/1, marks/1, conclude/2]).

%% Request = #{asked, goal => check | install | upgrade | give_up, direction => auto | up | down, options}
%% Emit = fun(Event). Answers {done, Report} | {failed, Error, Report} | {restart, Plan, Report}.
run(#{goal := Goal} = Request, Emit) ->
    From = tsugi_handler:current(),
    walk(opening(Goal), #{request => Request, emit => Emit, from => From, to => undefined, phase => before,
                          report => tsugi_report:new(From, From, none)}).

opening(give_up) -> [fun give_up/1];
opening(_) -> [fun unpack/1, fun already/1, fun plan/1, fun by_strategy/1].

%% Each strategy's way behind the plan, with the steps that each part of it leaves in the report.
way(swap) ->
    [{[load], fun load/1}, {[rehearse], fun rehearse/1}, {[], fun checked/1}, {[before], fun before/1},
     {[freeze, carry], fun carry/1}, {[verify], fun verify/1}, {[probation], fun probation/1},
     {[], fun installed/1} | way(commit)];
way(commit) -> [{[commit], fun commit/1} | way(committed)];
way(committed) -> [{['after'], fun behind/1}, {[prune], fun prune/1}];
%% The last part of it ends in the next VM, which judges itself (tsugi_restart).
way(restart) ->
    [{[], fun restart_allowed/1}, {[load], fun load_beside/1}, {[standby], fun stand_by/1}, {[before], fun before_restart/1},
     {[restart, probation, commit, 'after', prune], fun restart/1}].

parts(Way) -> [Do || {_, Do} <- way(Way)].

%% What `plan` shows: the names of the steps that a plan goes through.
steps(#{strategy := Strategy} = Plan) ->
    [plan | [Name || {Names, _} <- way(Strategy), Name <- Names,
                     not lists:member(Name, [before, 'after']) orelse wanted(Name, Plan) =/= []]].

%% Each takes the upgrade's state and answers the next one, {way, Parts, Next}, which go ahead of the rest, or
%% {ended, Answer}. What stops it brings the state with it (step/3), or had not changed it.
walk([], S) -> done(S, committed);
walk([Do | Rest], S) ->
    try Do(S) of
        {ended, Answer} -> Answer;
        {way, Parts, Next} -> walk(Parts ++ Rest, Next);
        Next -> walk(Rest, Next)
    catch
        throw:{stopped, Error, At} -> stopped(Error, At);
        Class:Reason:Stack -> stopped(tsugi_error:from_reason(Class, Reason, Stack), S)
    end.

%% What fails unforeseen while the new code is in and not permanent is a verdict too.
stopped(Error, #{phase := installed, plan := #{apps := _}} = S) ->
    try hand_back(S, Error, [])
    catch _:Reason ->
        %% Not even that can be written down: what is permanent boots.
        Answer = going_down(S, Reason, 0),
        init:restart(),
        Answer
    end;
stopped(Error, S) -> failed(Error, S).

unpack(#{request := #{asked := Asked} = Request} = S) ->
    #{version := Vsn} = Unpacked = tsugi_unpack:unpack(Asked, maps:get(options, Request, #{})),
    case tsugi_handler:status(Vsn) of
        undefined -> ok = tsugi_handler:set_unpacked(Vsn);
        _ -> ok
    end,
    tsugi_handler:write_view(#{Vsn => case Unpacked of #{already := true} -> #{}; _ -> #{verified => true} end}),
    reported(S#{to => Vsn}, #{to => tsugi_json:text(Vsn)}).

already(#{from := From, to := From, request := #{goal := Goal}} = S) ->
    case tsugi_handler:status(From) of
        current when Goal =:= upgrade -> {ended, commit_current(S)};
        _ -> {ended, done(reported(S, #{reasons => [tsugi_json:text([From, " runs already"])]}), committed)}
    end;
already(S) -> S.

plan(#{from := From, to := To, report := Report, request := Request} = S) ->
    %% From here on a node that goes down says so when it is back.
    tsugi_journal:write(#{from => From, to => To, phase => proving, report => Report}),
    Base = #{force => maps:get(force, options(S), false)},
    Options = case maps:get(direction, Request, auto) of
        auto -> Base;
        Direction -> Base#{direction => Direction}
    end,
    {#{strategy := Strategy, reasons := Reasons} = Plan, S1} =
        step(plan, S, fun() -> tsugi_plan:make(From, To, Options) end),
    reported(S1#{plan => Plan}, #{strategy => atom_to_binary(Strategy),
                                  reasons => [tsugi_json:text(R) || R <- Reasons]}).

by_strategy(#{plan := #{strategy := Strategy}} = S) -> {way, parts(Strategy), S}.

%% --- an OTP, ERTS or Elixir change --------------------------------------------------------------

%% Only when asked for by name.
restart_allowed(#{plan := #{reasons := Reasons}, to := To, request := #{goal := Goal}} = S) ->
    case options(S) of
        #{allowRestart := true} -> S;
        _ when Goal =:= check -> {ended, done(S, checked)};
        _ -> tsugi_error:throw('TSUGI_RESTART_NEEDED', #{version => To, reasons => lists:join(", ", Reasons)})
    end.

load_beside(#{to := To} = S) -> element(2, step(load, S, fun() -> tsugi_config:evaluate(To) end)).

stand_by(#{to := To} = S) ->
    case tsugi_standby:is_possible() of
        true -> element(2, step(standby, S, fun() -> tsugi_standby:request(To) end));
        false -> S
    end.

before_restart(S) -> or_no_standby(fun() -> hooks(before, S) end).

%% Whatever keeps the old VM from going down: nobody stands by for that any more.
or_no_standby(Fun) ->
    try Fun()
    catch Class:Reason:Stack -> ok = tsugi_standby:give_up(), erlang:raise(Class, Reason, Stack)
    end.

restart(#{from := From, to := To, plan := #{direction := Direction} = Plan, report := Report, request := Request}) ->
    Entry = #{from => From, to => To, direction => Direction, report => Report,
              request => maps:with([goal, words], Request)},
    ok = or_no_standby(fun() -> tsugi_restart:begin_restart(Entry) end),
    {ended, {restart, Plan, Report}}.

%% In the next VM, once it is permanent: the end of the way.
conclude(#{from := From, to := To, direction := Direction} = Entry, Report) ->
    [Old, New] = [#{vsn => Vsn, dir => tsugi_layout:release_dir(Vsn)} || Vsn <- [From, To]],
    walk(parts(committed), Entry#{emit => fun(_) -> ok end, phase => committed, report => Report,
                                  plan => #{from => Old, to => New, direction => Direction}}).

%% --- the old serves, untouched ------------------------------------------------------------------

load(#{from := From, to := To, plan := Plan} = S0) ->
    {Loaded, S1} = step(load, S0, fun() ->
        Snapshot = tsugi_env:snapshot(),
        NewConfig = tsugi_config:evaluate(To),
        Script = tsugi_relup:write(Plan),
        refuse_occupied(Script),
        check_install(To),
        Modules = tsugi_script:loads(Script) ++ tsugi_script:removes(Script),
        #{script => Script, config => NewConfig, prepared => prepare(Script, Plan), closures => tsugi_funs:found(Modules),
          overrides => tsugi_env:overrides(Snapshot, tsugi_config:read(From), NewConfig)}
    end),
    said(maps:merge(S1, Loaded)).

%% Closures that the upgrade can't follow are named before it is made.
said(#{closures := Closures, report := #{reasons := Reasons}} = S) ->
    reported(S, #{reasons => Reasons ++ tsugi_funs:texts(Closures)}).

%% A module has room for one old version; what an earlier upgrade has left gives way, if nobody runs it.
refuse_occupied(Script) ->
    case tsugi_loading:occupied(tsugi_script:loads(Script) ++ tsugi_script:removes(Script)) of
        [] -> ok;
        [Module | _] -> tsugi_error:throw('TSUGI_OLD_CODE', #{module => Module})
    end.

check_install(To) ->
    case release_handler:check_install_release(To) of
        {ok, _, _} -> ok;
        {error, {old_processes, Module}} -> tsugi_error:throw('TSUGI_OLD_CODE', #{module => Module});
        {error, Reason} -> refused_by_otp(check, Reason)
    end.

-spec refused_by_otp(atom(), term()) -> no_return().
refused_by_otp(Step, Reason) ->
    tsugi_error:throw('TSUGI_HANDLER_REFUSED', #{step => Step, problem => io_lib:format("~0tp", [Reason])}).

%% What is to be loaded, read and prepared. Of a script that goes step by step release_handler does it.
prepare(Script, #{to := To}) ->
    Files = tsugi_release:code_files(To),
    tsugi_loading:prepare([{M, maps:get(M, Files)} || {apply, {tsugi_pause, load, [Modules, _]}} <- Script,
                                                      M <- Modules]).

rehearse(#{plan := Plan, script := Script} = S) ->
    Mode = maps:get(rehearse, options(S), <<"auto">>),
    {States, S1} = step(rehearse, S, fun() -> tsugi_rehearse:run(Plan, Script, Mode) end),
    S1#{states => States}.

checked(#{request := #{goal := check}} = S) -> {ended, done(S, checked)};
checked(S) -> S.

before(S) ->
    #{from := From, to := To, report := Report} = S1 = hooks(before, S),
    tsugi_journal:write(#{from => From, to => To, phase => install, report => Report}),
    S1.

hooks(Moment, #{plan := #{from := #{vsn := From}, to := #{vsn := To}, direction := Direction} = Plan} = S) ->
    case wanted(Moment, Plan) of
        [] -> S;
        Hooks ->
            #{vsn := Newer} = newer(Plan),
            {_, S1} = step(Moment, S, fun() ->
                [tsugi_hooks:run(Newer, Hook, {From, To, Direction}, Moment) || Hook <- Hooks]
            end),
            S1
    end.

wanted(Moment, #{direction := Direction} = Plan) -> tsugi_hooks:wanted(newer(Plan), Direction, Moment).

newer(#{direction := up, to := To}) -> To;
newer(#{direction := down, from := From}) -> From.

%% --- the pause ----------------------------------------------------------------------------------

carry(#{from := From, to := To, script := Script, config := Config, overrides := Overrides} = S0) ->
    Snapshot = tsugi_env:snapshot(),
    Sockets = tsugi_sockets:watch(),
    Requests = tsugi_requests:watch(),
    FreezeMs = tsugi_settings:get(From, [<<"timeouts">>, <<"freezeMs">>]),
    Watched = tsugi_health:watch(tsugi_freeze:processes([M || {M, _, _} <- tsugi_script:changes(Script)])),
    ok = tsugi_config:write(To, tsugi_env:overlay(Config, Overrides)),
    Start = erlang:monotonic_time(microsecond),
    {Outcome, Pause} = install(S0, FreezeMs, [{code_change_timeout, infinity}, {error_action, restart}]),
    S1 = paused(S0, Pause, (erlang:monotonic_time(microsecond) - Start) / 1000, Outcome),
    case {Outcome, Pause} of
        {ok, _} ->
            S2 = (measured(S1, Pause, Sockets))#{phase => installed, watched => Watched, requests => Requests},
            %% What stands there is true of the running node; without its overrides it is for the next boot.
            tsugi_files:now_or_later(fun() -> ok = tsugi_config:write(To, Config) end),
            tsugi_env:put_unwritable(Overrides),
            tsugi_env:os_env(),
            S2;
        {{error, Reason}, _} ->
            _ = tsugi_requests:failed(Requests),
            case persistent_term:get(?MODULE, false) of
                true -> {ended, going_down(S1, Reason, tsugi_sockets:count(Sockets))};
                false ->
                    tsugi_env:restore(Snapshot),
                    throw({stopped, maps:get(refused, Pause, otp_refused(Reason)), S1#{phase => freeze}})
            end
    end.

otp_refused(Reason) ->
    {tsugi_error, 'TSUGI_HANDLER_REFUSED', #{step => install, problem => io_lib:format("~0tp", [Reason])}}.

%% release_handler evaluates the relup, which calls tsugi_pause. {ok | {error, Reason}, the pause}
install(#{emit := Emit, script := Script, prepared := Prepared, plan := Plan} = S, FreezeMs, Options) ->
    #{to := To, direction := Direction} = Plan,
    persistent_term:erase(?MODULE),
    Files = tsugi_release:code_files(maps:get(case Direction of up -> from; down -> to end, Plan)),
    ok = tsugi_pause:ready(#{emit => Emit, timeoutMs => FreezeMs, holds => tsugi_script:is_at_once(Script),
                             prepared => Prepared, closures => maps:get(closures, S, [no]) =/= [],
                             modules => tsugi_script:loads(Script) ++ tsugi_script:removes(Script),
                             vsn => fun(M) -> tsugi_rehearse:change_vsn(M, Direction, Files) end}),
    Outcome = tsugi_handler:install(maps:get(vsn, To), [{suspend_timeout, FreezeMs} | Options]),
    {Outcome, tsugi_pause:ended()}.

%% The two steps of it: freeze up to the point of no return, carry behind it.
paused(#{emit := Emit} = S, #{freezeMs := FreezeMs} = Pause, Ms, Outcome) ->
    case {Outcome, Pause} of
        {_, #{refused := _}} -> entered(S, #{name => <<"freeze">>, ms => FreezeMs, failed => true});
        {ok, _} ->
            Emit({step, carry, 'end', Ms - FreezeMs}),
            entered(entered(S, #{name => <<"freeze">>, ms => FreezeMs}), #{name => <<"carry">>, ms => Ms - FreezeMs});
        _ ->
            entered(entered(S, #{name => <<"freeze">>, ms => FreezeMs}),
                    #{name => <<"carry">>, ms => Ms - FreezeMs, failed => true})
    end;
paused(S, _, Ms, _) -> entered(S, #{name => <<"carry">>, ms => Ms, failed => true}).

%% Called by the relup, right after its point of no return.
passed() -> persistent_term:put(?MODULE, true), ok.

measured(#{states := States, script := Script, plan := Plan} = S, Pause, Sockets) ->
    #{pauseMs := PauseMs, waited := Waited, underWay := UnderWay} = Pause,
    reported(S, maps:merge(maps:with([pages], Pause), #{pauseMs => PauseMs, quietMs => #{p50 => PauseMs, p99 => PauseMs, max => PauseMs},
                  requests => maps:merge(#{waited => Waited, underWay => UnderWay}, not_held(Pause)),
                  connections => tsugi_sockets:outcome(Sockets),
                  states => tsugi_rehearse:report(States, Pause, Script, Plan)})).

%% Who was still at work when the time was up, or takes no request to wait.
not_held(#{notHeld := []}) -> #{};
not_held(#{notHeld := Pids}) -> #{notHeld => length(lists:usort(Pids))}.

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

verify(#{to := To, script := Script, plan := Plan} = S0) ->
    {Problem, S1} = step(verify, S0, fun() -> verdict(To, Script, Plan) end),
    case Problem of
        ok -> left_of_old(S1);
        {Error, Leftovers} -> {ended, hand_back(failing(S1), Error, Leftovers)}
    end.

%% Its code is kept for them until the next upgrade.
left_of_old(#{script := Script} = S) ->
    Left = tsugi_funs:left(tsugi_script:loads(Script) ++ tsugi_script:removes(Script)),
    reported(S, #{leftovers => tsugi_funs:texts(Left)}).

verdict(To, Script, #{apps := Apps}) ->
    %% Forced past an appup that leaves modules out: they were meant to stay as they are.
    LeftOut = lists:append([maps:get(left_out, App, []) || App <- Apps]),
    DrainMs = tsugi_settings:get(To, [<<"timeouts">>, <<"drainMs">>]),
    case tsugi_verify:wrong_code(tsugi_release:load(To)) -- LeftOut of
        [Module | _] = All ->
            {{tsugi_error, 'TSUGI_WRONG_CODE', #{version => To, module => Module, count => length(All)}}, []};
        [] ->
            case tsugi_verify:lingering(tsugi_script:loads(Script) ++ tsugi_script:removes(Script), DrainMs) of
                [] -> ok;
                [First | _] = Leftovers ->
                    {{tsugi_error, 'TSUGI_OLD_CODE_RUNS', #{version => To, process => First, drainMs => DrainMs}}, Leftovers}
            end
    end.

probation(#{from := From, to := To, watched := Watched} = S0) ->
    {Health, S1} = step(probation, S0, fun() -> tsugi_health:probation(To, Watched) end),
    case Health of
        ok -> counted(S1);
        {error, Why} ->
            Error = {tsugi_error, 'TSUGI_UNHEALTHY', #{version => To, previous => From, problem => Why}},
            {ended, hand_back(failing(S1), Error, [])}
    end.

failing(S) ->
    #{report := Report} = Counted = counted(S),
    Counted#{report => tsugi_report:failing(Report)}.

%% Requests that have failed since the pause began.
counted(#{requests := Watched, report := #{requests := Requests}} = S) ->
    reported(S, #{requests => maps:merge(Requests, tsugi_requests:failed(Watched))}).

%% Current, not permanent: its report is written when that is decided.
installed(#{report := Report, request := #{goal := install}} = S) ->
    persistent_term:put({?MODULE, installed}, maps:with([report, plan], S)),
    tsugi_journal:clear(),
    tsugi_handler:write_view_or_later(#{}),
    {ended, {done, Report#{result => <<"committed">>}, undefined}};
installed(S) -> S.

%% In the node, for `commit`.
commit_installed(Listener) ->
    From = tsugi_handler:current(),
    tsugi_handler:status(From) =:= current orelse tsugi_error:throw('TSUGI_NOTHING_TO_COMMIT', #{}),
    whereis(tsugi_upgrade) =:= undefined orelse tsugi_error:throw('TSUGI_UPGRADE_UNDER_WAY', #{version => From}),
    Emit = fun(Event) -> Listener ! {tsugi_event, Event} end,
    commit_current(#{request => #{asked => From, goal => upgrade}, emit => Emit, from => From, to => From,
                     phase => installed, report => tsugi_report:new(From, From, none)}).

commit_current(#{to := To} = S) ->
    walk(parts(commit), case persistent_term:get({?MODULE, installed}, none) of
        #{report := Report, plan := #{from := #{vsn := From}} = Plan} ->
            S#{from => From, phase => installed, plan => Plan, report => Report};
        none -> S#{phase => installed, plan => #{from => #{vsn => To}, direction => up}}
    end).

%% `rollback` of what was installed and never made permanent.
give_up(#{from := Current, request := #{asked := Permanent}} = S0) ->
    Plan = tsugi_plan:make(Permanent, Current, #{force => true}),
    Report = case persistent_term:get({?MODULE, installed}, none) of
        #{report := Known} -> Known;
        none -> (tsugi_report:new(Permanent, Current, swap))#{reasons => []}
    end,
    S1 = S0#{from => Permanent, to => Current, plan => Plan, report => Report, phase => installed},
    {ended, case back(S1) of
                {ok, S2} ->
                    persistent_term:erase({?MODULE, installed}),
                    done(S2, 'handed-back');
                {{refused, Error}, S2} -> failed(Error, S2#{phase => freeze});
                {{error, Reason}, S2} -> not_back(S2, Reason)
            end}.

%% The relup's other entry: the same way back, with the state.
hand_back(S0, Error, Leftovers) ->
    case back(reported(S0, #{leftovers => Leftovers})) of
        {ok, S1} -> failed(Error, S1#{phase => handed_back});
        {{_, Reason}, S1} -> not_back(S1, Reason)
    end.

%% OTP restarts a node that is halfway. Where that has not even begun, because somebody could not be suspended, an
%% unfit version does not stay all the same: what is permanent boots.
not_back(S, Reason) ->
    Answer = going_down(S, Reason, 0),
    _ = persistent_term:get(?MODULE, false) orelse init:restart(),
    Answer.

back(#{from := From, to := To, plan := #{direction := Direction}} = S) ->
    Back = tsugi_plan:make(To, From, #{direction => opposite(Direction), force => true}),
    {Outcome, S1} = step('hand-back', S, fun() -> install_back(Back, S) end),
    case Outcome of ok -> ok = tsugi_handler:make_permanent(From); _ -> ok end,
    {Outcome, S1}.

opposite(up) -> down;
opposite(down) -> up.

install_back(#{to := #{vsn := Vsn}, from := #{vsn := From}} = Back, S) ->
    Script = tsugi_relup:write(Back),
    %% Whoever still runs the code that comes back is killed: there is no room for a third.
    tsugi_loading:purge(tsugi_script:loads(Script) ++ tsugi_script:removes(Script)),
    Config = tsugi_config:read(Vsn),
    Overrides = tsugi_env:overrides(tsugi_env:snapshot(), tsugi_config:read(From), Config),
    ok = tsugi_config:write(Vsn, tsugi_env:overlay(Config, Overrides)),
    FreezeMs = tsugi_settings:get(From, [<<"timeouts">>, <<"freezeMs">>]),
    {Outcome, Pause} = install(S#{emit => fun(_) -> ok end, script => Script, plan => Back, prepared => prepare(Script, Back)},
                           FreezeMs, [{error_action, restart}]),
    ok = tsugi_config:write(Vsn, Config),
    tsugi_env:put_unwritable(Overrides),
    case Pause of #{refused := Error} -> {refused, Error}; _ -> Outcome end.

commit(#{to := To} = S0) ->
    {_, S1} = step(commit, S0, fun() ->
        ok = tsugi_handler:make_permanent(To),
        os:putenv("RELEASE_VSN", To),
        tsugi_handler:write_view_or_later(marks(S0))
    end),
    tsugi_journal:clear(),
    _ = persistent_term:erase({?MODULE, installed}),
    S1#{phase => committed}.

behind(#{plan := #{to := _}} = S) -> hooks('after', S);
behind(S) -> S.

prune(#{to := To} = S0) ->
    {_, S1} = step(prune, S0, fun() ->
        _ = tsugi_remove:prune(tsugi_settings:get(To, [<<"keepReleases">>])),
        tsugi_handler:write_view_or_later(#{})
    end),
    S1.

%% What a commit says of the two releases in RELEASES.json.
marks(#{to := To} = S) -> maps:merge(left(S), #{To => #{committed => true}}).

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

options(#{request := Request}) -> maps:get(options, Request, #{}).

reported(#{report := Report} = S, More) -> S#{report => maps:merge(Report, More)}.

entered(#{report := Report} = S, Entry) -> S#{report => tsugi_report:entered(Report, Entry)}.

%% {Value, State}. What fails in it throws {stopped, Error, State}.
step(Name, #{emit := Emit} = S, Fun) ->
    Emit({step, Name, 'begin', 0}),
    Start = erlang:monotonic_time(microsecond),
    Entry = fun() -> #{name => atom_to_binary(Name), ms => (erlang:monotonic_time(microsecond) - Start) / 1000} end,
    try Fun() of
        Value ->
            #{ms := Ms} = Taken = Entry(),
            Emit({step, Name, 'end', Ms}),
            {Value, entered(S, Taken)}
    catch
        Class:Reason:Stack ->
            throw({stopped, tsugi_error:from_reason(Class, Reason, Stack), entered(S, (Entry())#{failed => true})})
    end.
