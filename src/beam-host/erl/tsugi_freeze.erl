%% The pause. Every process whose state is about to be carried is suspended first, outside of
%% release_handler: there a process that does not answer is skipped in silence, and goes on with old
%% state in new code. Here it is an error, and nothing has been touched yet.
-module(tsugi_freeze).
-export([freeze/2, thaw/1, processes/1, count_waiting/0, over/0, measured/2]).

%% Workers of these modules, in the order of the relup (callers before what they call).
processes(Modules) ->
    Supervised = release_handler_1:get_supervised_procs(),
    lists:usort([{Module, Pid} || Module <- Modules, {_, _, Pid, Mods} <- Supervised,
                                  is_pid(Pid), Pid =/= self(), lists:member(Module, Mods),
                                  not is_supervisor(Pid, Module)]).

is_supervisor(_, Module) ->
    Behaviours = lists:append([V || {K, V} <- Module:module_info(attributes),
                                    K =:= behaviour orelse K =:= behavior]),
    lists:any(fun(B) -> lists:member(B, [supervisor, 'Elixir.Supervisor', gen_event]) end, Behaviours).

%% #{suspended => [{Module, Pid}], since => Native}
%% @throws TSUGI_FREEZE_TIMEOUT
freeze(Modules, TimeoutMs) ->
    Since = erlang:monotonic_time(),
    Deadline = erlang:monotonic_time(millisecond) + TimeoutMs,
    Found = processes(Modules),
    Ordered = [{M, P} || Module <- Modules, {M, P} <- Found, M =:= Module],
    Suspended = suspend(Ordered, Deadline, TimeoutMs, []),
    persistent_term:put(?MODULE, #{suspended => Suspended, since => Since}),
    #{suspended => Suspended, since => Since}.

suspend([], _, _, Done) -> lists:reverse(Done);
suspend([{Module, Pid} | Rest], Deadline, TimeoutMs, Done) ->
    Left = max(1, Deadline - erlang:monotonic_time(millisecond)),
    try sys:suspend(Pid, Left) of
        ok -> suspend(Rest, Deadline, TimeoutMs, [{Module, Pid} | Done])
    catch
        exit:{noproc, _} -> suspend(Rest, Deadline, TimeoutMs, Done);
        exit:{normal, _} -> suspend(Rest, Deadline, TimeoutMs, Done);
        exit:{shutdown, _} -> suspend(Rest, Deadline, TimeoutMs, Done);
        exit:_ ->
            Holder = holder(Module, Pid),
            %% The request to suspend is still in its queue: a resume behind it undoes it.
            spawn(fun() -> catch sys:resume(Pid, infinity) end),
            resume(Done),
            tsugi_error:throw('TSUGI_FREEZE_TIMEOUT', #{timeoutMs => TimeoutMs, holders => Holder})
    end.

holder(Module, Pid) ->
    Info = erlang:process_info(Pid, [registered_name, current_function, message_queue_len]),
    case Info of
        undefined -> io_lib:format("~tp ~p", [Module, Pid]);
        [{_, Name}, {_, {M, F, A}}, {_, Queue}] ->
            io_lib:format("~tp ~tp (in ~tp:~tp/~p, ~p messages wait)",
                          [Module, case Name of [] -> Pid; _ -> Name end, M, F, A, Queue])
    end.

%% Ends the pause; answers its length in milliseconds.
thaw(#{suspended := Suspended, since := Since}) ->
    resume(Suspended),
    erlang:convert_time_unit(erlang:monotonic_time() - Since, native, microsecond) / 1000.

resume(Suspended) -> [catch sys:resume(Pid) || {_, Pid} <- Suspended], ok.

%% Called by the relup before its first resume, and at its end.
count_waiting() ->
    #{suspended := Suspended} = Known = persistent_term:get(?MODULE, #{suspended => []}),
    Waited = lists:sum([N || {_, Pid} <- Suspended,
                             {message_queue_len, N} <- [erlang:process_info(Pid, message_queue_len)]]),
    persistent_term:put(?MODULE, Known#{waited => Waited}),
    ok.

over() ->
    Known = persistent_term:get(?MODULE, #{}),
    persistent_term:put(?MODULE, Known#{over => erlang:monotonic_time()}),
    ok.

%% The pause as the processes saw it: until the relup's end, not until release_handler's.
measured(#{since := Since}, ThawMs) ->
    Known = persistent_term:get(?MODULE, #{}),
    _ = persistent_term:erase(?MODULE),
    PauseMs = case Known of
        #{over := Over, since := Since} ->
            erlang:convert_time_unit(Over - Since, native, microsecond) / 1000;
        _ -> ThawMs
    end,
    #{pauseMs => PauseMs, waited => maps:get(waited, Known, 0)}.
