%% The pause of an upgrade: one process that holds connections and suspends state, changes the code and
%% lets all go on. The relup calls it, from release_handler; the upgrade has told it before what to do
%% (ready/1) and asks it afterwards how it was (ended/0). Without ready/1 its steps do nothing: OTP's
%% check_install_release passes the first of them too.
%%
%%   start    ahead of the point of no return: connections held, then state suspended. A time-out is an
%%            error here, all go on
%%   change   code_change of the processes of these modules
%%   load     all modules at once (tsugi_loading)
%%   delete   modules that are gone
%%   resume   the processes with state go on
%%   over     the connections go on
%%
%% If the upgrade or release_handler dies, all go on.
-module(tsugi_pause).
-export([ready/1, start/1, change/2, load/2, delete/1, resume/0, over/0, ended/0]).

%% How long open pages may be tried on the new code while all wait.
-define(MISFITS_MS, 100).

%% Told = #{emit, timeoutMs, prepared, modules, closures => are there any, vsn => fun((Module) -> what code_change gets), holds => boolean()}
ready(Told) ->
    Owner = self(),
    Pid = spawn(fun() ->
        process_flag(priority, high),
        Ends = [monitor(process, Whose) || Whose <- [Owner, release_handler]],
        loop(maps:merge(Told, #{ends => Ends, frozen => [], hold => none, migrateMs => #{}, phase => ready}))
    end),
    true = register(?MODULE, Pid),
    ok.

start(Modules) -> call({start, Modules}).
%% Which way is for the reader of a relup; the upgrade knows it.
change(_UpOrDown, Modules) -> call({change, Modules}).
load(Modules, Brutal) -> call({load, Modules, Brutal}).
delete(Modules) -> call({delete, Modules}).
resume() -> call(resume).
over() -> call(over).

%% #{frozen => [{Module, Pid}], pauseMs, freezeMs, waited, underWay, …}; whatever is still held goes on.
ended() -> call(ended).

call(What) ->
    case whereis(?MODULE) of
        undefined -> ok;
        Pid ->
            Reference = monitor(process, Pid),
            Pid ! {?MODULE, self(), Reference, What},
            receive
                {Reference, Answer} -> erlang:demonitor(Reference, [flush]), answer(Answer);
                {'DOWN', Reference, process, Pid, Reason} -> exit(Reason)
            end
    end.

%% release_handler takes an error that is merely answered for a success.
answer({error, Error}) -> exit(Error);
answer(Answer) -> Answer.

loop(S) ->
    receive
        {?MODULE, From, Reference, ended} ->
            From ! {Reference, result(let_go(S))};
        {?MODULE, From, Reference, What} ->
            {Answer, New} = try step(What, S)
            catch Class:Reason:Stack -> {{error, tsugi_error:from_reason(Class, Reason, Stack)}, S#{error => {Class, Reason, Stack}}}
            end,
            From ! {Reference, Answer},
            loop(New);
        {'DOWN', Reference, process, _, _} ->
            %% A connection that came too late to be held is watched too: its end ends no upgrade.
            case lists:member(Reference, maps:get(ends, S)) of true -> let_go(S); false -> loop(S) end;
        _ -> loop(S)
    end.

%% --- the steps ----------------------------------------------------------------------------------

step({start, Modules}, #{timeoutMs := TimeoutMs, modules := Changed, holds := Holds, emit := Emit} = S0) ->
    %% Supervisors are asked for their children while all of them answer.
    Found = tsugi_freeze:find(Modules),
    %% Where OTP goes on step by step it suspends supervisors itself, and asks them before.
    Chosen = case Holds of true -> fun(All) -> All end; false -> fun tsugi_freeze:carriers/1 end,
    Since = erlang:monotonic_time(),
    Emit({step, freeze, 'begin', 0}),
    Hold = case Holds of
        true -> tsugi_hold:suspend(Changed, now_ms() + TimeoutMs, TimeoutMs);
        false -> none
    end,
    S1 = S0#{since => Since, hold => Hold, phase => held},
    try tsugi_freeze:freeze(Chosen(tsugi_freeze:find_again(Modules, Found)), TimeoutMs) of
        Frozen ->
            Ms = ms_since(Since),
            Emit({step, freeze, 'end', Ms}),
            Bytes = maps:from_list([{Pid, N} || {_, Pid} <- Frozen, {memory, N} <- [erlang:process_info(Pid, memory)]]),
            {ok, S1#{frozen => Frozen, bytes => Bytes, freezeMs => Ms, phase => frozen}}
    catch
        throw:Error -> {{error, Error}, (let_go(S1))#{refused => Error, freezeMs => ms_since(Since)}}
    end;
step({change, Modules}, #{frozen := Frozen, vsn := Vsn, migrateMs := Times} = S) ->
    New = [{Pid, change(Pid, M, Vsn(M), Extra)}
           || {M, Extra} <- Modules, {Module, Pid} <- Frozen, Module =:= M, is_process_alive(Pid)],
    {ok, S#{migrateMs => maps:merge(Times, maps:from_list(New))}};
step({load, Modules, Brutal}, #{prepared := Prepared, closures := Closures, hold := #{held := Held}} = S) ->
    Start = erlang:monotonic_time(),
    ok = tsugi_loading:finish(Prepared, {Modules, Brutal}),
    Ms = ms_since(Start),
    Views = [Pid || Pid <- Held, tsugi_views:is_view(Pid)],
    _ = Closures andalso tsugi_rebind:hooks(Views, Modules),
    Misfits = tsugi_views:misfits(Views, Modules, ?MISFITS_MS),
    {ok, S#{loadMs => Ms, views => Views, misfits => Misfits, stale => tsugi_views:stale(Views -- Misfits, Modules)}};
step({delete, Modules}, S) -> {tsugi_loading:delete(Modules), S};
step(resume, #{modules := Changed, closures := Closures} = S) ->
    New = thaw(S),
    _ = Closures andalso tsugi_rebind:handlers(Changed),
    tsugi_acceptors:renew(Changed),
    {ok, New};
step(over, S) ->
    case let_go(S) of
        #{views := [_ | _] = Views, stale := Stale, misfits := Misfits} = New ->
            {ok, New#{pages => tsugi_views:refresh(Views, Stale, Misfits)}};
        New -> {ok, New}
    end.

change(Pid, M, Vsn, Extra) ->
    Start = erlang:monotonic_time(),
    Outcome = case tsugi_views:view(Pid) of
        M -> tsugi_views:change(Pid, M, Vsn, Extra);
        none -> sys:change_code(Pid, M, Vsn, Extra, infinity);
        %% LiveView's channel would only ask the view, with the channel's version for the view's.
        _ -> ok
    end,
    case Outcome of
        ok -> ms_since(Start);
        {error, Reason} -> exit({code_change_failed, Pid, M, Vsn, Reason})
    end.

%% --- all go on ----------------------------------------------------------------------------------

%% What is held as a connection too goes on with the connections.
thaw(#{phase := frozen, frozen := Frozen, hold := Hold} = S) ->
    Waited = lists:sum([N || {_, Pid} <- Frozen, {message_queue_len, N} <- [erlang:process_info(Pid, message_queue_len)]]),
    Held = case Hold of none -> #{}; #{held := Pids} -> maps:from_keys(Pids, true) end,
    tsugi_freeze:resume([Pair || {_, Pid} = Pair <- Frozen, not is_map_key(Pid, Held)]),
    S#{phase => held, waited => Waited};
thaw(S) -> S.

let_go(S0) ->
    case thaw(S0) of
        #{phase := held, hold := none} = S -> S#{phase => over, pauseMs => ms_since(maps:get(since, S))};
        #{phase := held, hold := Hold, since := Since} = S ->
            Requests = tsugi_hold:resume(Hold),
            S#{phase => over, pauseMs => ms_since(Since), waited => Requests + maps:get(waited, S, 0)};
        S -> S
    end.

result(S) ->
    Measured = maps:with([frozen, bytes, pages, pauseMs, freezeMs, loadMs, migrateMs, waited, refused, error], S),
    case S of
        #{hold := #{held := Held, late := Late, unable := Unable} = Hold} ->
            Measured#{held => length(Held), underWay => maps:get(underWay, Hold, 0),
                      notHeld => Late ++ Unable ++ maps:get(busy, Hold, [])};
        _ -> Measured#{held => 0, underWay => 0, notHeld => []}
    end.

ms_since(Start) -> erlang:convert_time_unit(erlang:monotonic_time() - Start, native, microsecond) / 1000.

now_ms() -> erlang:monotonic_time(millisecond).
