%% Every process whose state is about to be carried is suspended before anything changes. A process that
%% does not answer is an error here; OTP's own suspend skips it in silence, and it goes on with old state
%% in new code.
%%
%% Found are processes of a supervision tree, as OTP finds them, and those that say by themselves which
%% module they run: a LiveView by its view, a channel, a server that nobody supervises.
-module(tsugi_freeze).
-export([find/1, find_again/2, freeze/2, resume/1, processes/1, carriers/1]).

%% Those that carry state through code_change, in the order of the modules.
processes(Modules) -> carriers(maps:get(found, find(Modules))).

carriers(Found) -> [Pair || {M, _} = Pair <- Found, not is_manager(M)].

%% Supervisors have state of their own, their children; managers of events that of their handlers.
is_manager(M) ->
    lists:any(fun(B) -> lists:member(B, [supervisor, 'Elixir.Supervisor', gen_event]) end,
              tsugi_connections:behaviours(M)).

%% #{found => [{Module, Pid}], seen => [Pid]}. Asks every supervisor, so all of them have to answer.
find(Modules) ->
    Seen = processes(),
    Supervised = [{M, Pid} || {_, _, Pid, Mods} <- release_handler_1:get_supervised_procs(),
                              is_pid(Pid), Pid =/= self(), is_list(Mods), M <- Mods, lists:member(M, Modules)],
    #{found => ordered(Modules, Supervised ++ named(Modules, Seen)), seen => Seen}.

%% Who came in between is found without asking anybody.
find_again(Modules, #{found := Found, seen := Seen}) ->
    ordered(Modules, Found ++ named(Modules, processes() -- Seen)).

ordered(Modules, Found) ->
    Each = lists:usort(Found),
    [Pair || Module <- Modules, {M, _} = Pair <- Each, M =:= Module].

named(Modules, Pids) -> [{M, Pid} || Pid <- Pids, Pid =/= self(), M <- runs(Pid), lists:member(M, Modules)].

runs(Pid) ->
    case erlang:process_info(Pid, dictionary) of
        {dictionary, Dictionary} ->
            case proplists:get_value('$initial_call', Dictionary) of
                {M, F, 3} when F =:= mount; F =:= join -> [M];
                {'Elixir.Phoenix.LiveView.Channel', init, 1} -> [View || View <- [tsugi_views:view(Pid)], View =/= none];
                {M, init, 1} -> case tsugi_connections:behaviours(M) of [] -> []; _ -> [M] end;
                _ -> []
            end;
        undefined -> []
    end.

%% Answers those that are suspended.
%% @throws TSUGI_FREEZE_TIMEOUT
freeze(Found, TimeoutMs) -> suspend(Found, now_ms() + TimeoutMs, TimeoutMs, []).

suspend([], _, _, Done) -> lists:reverse(Done);
suspend([{Module, Pid} | Rest], Deadline, TimeoutMs, Done) ->
    Left = max(1, Deadline - now_ms()),
    try sys:suspend(Pid, Left) of
        ok -> suspend(Rest, Deadline, TimeoutMs, [{Module, Pid} | Done])
    catch
        exit:{noproc, _} -> suspend(Rest, Deadline, TimeoutMs, Done);
        exit:{normal, _} -> suspend(Rest, Deadline, TimeoutMs, Done);
        exit:{shutdown, _} -> suspend(Rest, Deadline, TimeoutMs, Done);
        exit:{{shutdown, _}, _} -> suspend(Rest, Deadline, TimeoutMs, Done);
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

resume(Suspended) -> [catch sys:resume(Pid) || {_, Pid} <- Suspended], ok.

now_ms() -> erlang:monotonic_time(millisecond).
