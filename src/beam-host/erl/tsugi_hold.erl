%% Nobody is served while all code changes at once. Connections are stopped between two requests, and
%% no process stands in a module that changes: a request runs in one version from its begin to its end.
%%
%%   acceptors     suspended where they wait: a new connection waits in the kernel, none is refused
%%   connections   asked to suspend, all at once; whoever has a request under way answers behind it
%%   their helpers waited for, while they stand in code that changes (Cowboy runs requests in them)
%%
%% Up to a deadline; who is not done by then goes on and is counted. suspend/3 and resume/1 are called by
%% one process (tsugi_pause): its end undoes erlang:suspend_process.
-module(tsugi_hold).
-export([suspend/3, resume/1]).

%% A request that makes no progress any more, and stands in no code that changes, is waited for so long.
-define(STALLED_MS, 300).
-define(DEPTH, 64).

suspend(Modules, Deadline, StallMs) ->
    Set = maps:from_keys(Modules, true),
    Known = processes(),
    %% Sockets are looked at before anything stops: that takes longest.
    Connections = tsugi_connections:connections(Known),
    S0 = #{acceptors => [], held => [], raw => [], late => [], passive => [], gone => [], unable => [],
           asked => #{}},
    S1 = stop(Connections, tsugi_connections:acceptors(Known), Set, S0),
    S2 = settle_streams(born(Known, Set, S1, 3), Deadline),
    Depth = erlang:system_flag(backtrace_depth, ?DEPTH),
    try wait(Set, Deadline, now_ms() + min(?STALLED_MS, StallMs), S2)
    after erlang:system_flag(backtrace_depth, Depth)
    end.

%% Who was born between the list and the stop of the acceptors.
born(_, _, S, 0) -> S;
born(Known, Set, S, Rounds) ->
    Now = processes(),
    New = Now -- Known,
    case {tsugi_connections:connections(New), tsugi_connections:acceptors(Now) -- maps:get(acceptors, S)} of
        {[], []} -> S;
        {Connections, Acceptors} -> born(Now, Set, stop(Connections, Acceptors, Set, S), Rounds - 1)
    end.

stop(Connections, Acceptors, Set, #{acceptors := Stopped, asked := Asked, raw := Raw, unable := Unable} = S) ->
    New = [Pid || Pid <- Acceptors, suspended(Pid)],
    {Waiting, Deaf} = lists:partition(fun(Pid) -> standing(Pid, Set) =:= false andalso suspended(Pid) end,
                                      [Pid || {Pid, How} <- Connections, How =/= system]),
    S#{acceptors => New ++ Stopped, raw => Waiting ++ Raw, unable => Deaf ++ Unable,
       asked => maps:merge(Asked, maps:from_list([{ask(Pid, suspend), Pid} || {Pid, system} <- Connections]))}.

suspended(Pid) -> try erlang:suspend_process(Pid) catch error:_ -> false end.

ask(Pid, What) ->
    Reference = monitor(process, Pid),
    Pid ! {system, {self(), Reference}, What},
    Reference.

%% --- until nobody is under way ------------------------------------------------------------------

%% First all that are idle, then those that are not.
wait(Set, Deadline, StalledAt, S0) ->
    S1 = answers(S0, 5),
    Late = maps:values(maps:get(asked, S1)),
    Serving = maps:from_keys(Late ++ maps:get(held, S1), true),
    Busy = [Pid || Pid <- processes(), Pid =/= self(), works(Pid, Set, Serving)],
    S2 = drain(Busy, Set, Deadline, StalledAt, #{}, 0, S1#{underWay => length(lists:usort(Late ++ Busy))}),
    #{asked := Left, late := Others} = S2,
    S2#{late => maps:values(Left) ++ Others}.

%% Answers that are there, and those of the next milliseconds.
answers(#{asked := Asked} = S, _) when map_size(Asked) =:= 0 -> S;
answers(#{asked := Asked, held := Held, gone := Gone} = S, WaitMs) ->
    receive
        {Reference, _} when is_map_key(Reference, Asked) ->
            erlang:demonitor(Reference, [flush]),
            {Pid, Rest} = maps:take(Reference, Asked),
            answers(S#{asked => Rest, held => [Pid | Held]}, WaitMs);
        {'DOWN', Reference, process, Pid, _} when is_map_key(Reference, Asked) ->
            answers(S#{asked => maps:remove(Reference, Asked), gone => [Pid | Gone]}, WaitMs)
    after WaitMs -> S
    end.

%% In code that changes, on behalf of a client or inside a callback: it will come out of it. A loop of
%% somebody's own is neither; whether it leaves old code is seen later (tsugi_verify).
works(Pid, Set, Serving) ->
    case stack(Pid) of
        [] -> false;
        Stack ->
            stands(Stack, Set) andalso not is_map_key(Pid, Serving)
                andalso (is_callback(Stack) orelse tsugi_connections:serves(Pid, Serving))
    end.

stack(Pid) ->
    case erlang:process_info(Pid, current_stacktrace) of {_, Stack} -> Stack; undefined -> [] end.

stands(Stack, Set) -> lists:any(fun({M, _, _, _}) -> is_map_key(M, Set) end, Stack).

standing(Pid, Set) -> stands(stack(Pid), Set).

is_callback(Stack) ->
    lists:any(fun({M, _, _, _}) -> lists:member(M, [gen_server, gen_statem, gen_event]) end, Stack).

drain(Busy, Set, Deadline, StalledAt, Before, Round, S0) ->
    S1 = #{asked := Asked, held := Held} = answers(S0, 0),
    Still = [Pid || Pid <- Busy, stands(stack(Pid), Set)],
    Late = maps:values(Asked),
    {IsQuiet, Work} = progress(Late, Set, Before),
    IsOver = now_ms() >= Deadline,
    if
        Still =:= [], Late =:= [] -> S1;
        IsOver -> S1#{busy => Still};
        Still =:= [], IsQuiet ->
            %% All that is left waits for somebody, in code that stays: a stream that goes on for hours.
            case now_ms() >= StalledAt of
                true -> S1;
                false -> pause(Still, Round, Held), drain(Still, Set, Deadline, StalledAt, Work, Round + 1, S1)
            end;
        true ->
            pause(Still, Round, Held),
            drain(Still, Set, Deadline, now_ms() + ?STALLED_MS, Work, Round + 1, S1)
    end.

%% Have these done nothing since the last look, and is none of them in code that changes?
progress(Pids, Set, Before) ->
    Work = maps:from_list([{Pid, N} || Pid <- Pids, {reductions, N} <- [erlang:process_info(Pid, reductions)]]),
    {Work =:= Before andalso not lists:any(fun(Pid) -> standing(Pid, Set) end, Pids), Work}.

%% A request's process may wait for its connection, which is held: for a body, or to send.
pause(Busy, Round, Held) ->
    timer:sleep(1),
    Round rem 20 =:= 19 andalso
        [nudge(Pid) || Worker <- Busy, {links, Links} <- [erlang:process_info(Worker, links)],
                       Pid <- Links, lists:member(Pid, Held)],
    ok.

nudge(Pid) -> tell(Pid, resume), tell(Pid, suspend).

%% The answer comes to nobody.
tell(Pid, What) -> Pid ! {system, {self(), make_ref()}, What}.

%% --- HTTP/2 of Bandit ---------------------------------------------------------------------------

%% Its streams call their connection, which therefore can't stay suspended: it goes on without reading
%% until they are done. One packet is let in now and then, or flow control would stand still.
settle_streams(#{held := _} = S0, Deadline) ->
    S1 = #{held := Held} = answers(S0, 5),
    case [{Pid, sockets(Pid)} || Pid <- Held, streams(Pid) =/= []] of
        [] -> S1;
        Some ->
            [tell(Pid, resume) || {Pid, _} <- Some],
            settle(Some, Deadline, 0),
            S1#{passive => lists:append([Sockets || {_, Sockets} <- Some])}
    end.

settle([], _, _) -> ok;
settle(Pending, Deadline, Round) ->
    Mode = case Round rem 50 of 49 -> once; _ -> false end,
    [reads(Socket, Mode) || {_, Sockets} <- Pending, Socket <- Sockets],
    IsOver = now_ms() >= Deadline,
    Left = [Each || {Pid, _} = Each <- Pending, not is_settled(Pid, IsOver)],
    _ = Left =:= [] orelse timer:sleep(1),
    settle(Left, Deadline, Round + 1).

is_settled(Pid, IsOver) ->
    case IsOver orelse streams(Pid) =:= [] of
        false -> false;
        true ->
            Reference = ask(Pid, suspend),
            receive {Reference, _} -> ok; {'DOWN', Reference, _, _, _} -> ok after 500 -> ok end,
            erlang:demonitor(Reference, [flush]),
            IsOver orelse streams(Pid) =:= [] orelse begin tell(Pid, resume), false end
    end.

links(Pid) -> case erlang:process_info(Pid, links) of {links, Links} -> Links; undefined -> [] end.

%% {inet, Port}; behind TLS another process owns the port, and the connection's state has the socket. It is
%% suspended, and answers at once.
sockets(Pid) ->
    case [{inet, Port} || Port <- links(Pid), is_port(Port)] of
        [] ->
            try sys:get_state(Pid, 200) of
                {#{'__struct__' := 'Elixir.ThousandIsland.Socket', socket := Socket}, _} -> [{ssl, Socket}];
                _ -> []
            catch exit:_ -> []
            end;
        Ports -> Ports
    end.

reads({Module, Socket}, Mode) -> catch Module:setopts(Socket, [{active, Mode}]).

%% Its connection would have it read.
reads_on({Module, Socket} = Each) ->
    case catch Module:getopts(Socket, [active]) of
        {ok, [{active, false}]} -> reads(Each, once);
        _ -> ok
    end.

streams(Pid) ->
    [Link || Link <- links(Pid), is_pid(Link), {dictionary, Dictionary} <- [erlang:process_info(Link, dictionary)],
             {'Elixir.Bandit.HTTP2.StreamProcess', init, 1} =:= proplists:get_value('$initial_call', Dictionary)].

%% --- the end ------------------------------------------------------------------------------------

%% Answers how many requests have waited meanwhile.
resume(#{acceptors := Acceptors, held := Held, raw := Raw, late := Late, passive := Passive}) ->
    Waited = length([Pid || Pid <- Held, {message_queue_len, N} <- [erlang:process_info(Pid, message_queue_len)], N > 0]),
    %% A request to suspend may still wait in the queue of who was late: this one is behind it.
    [tell(Pid, resume) || Pid <- Held ++ Late],
    lists:foreach(fun reads_on/1, Passive),
    [catch erlang:resume_process(Pid) || Pid <- Raw ++ Acceptors],
    Waited.

now_ms() -> erlang:monotonic_time(millisecond).
