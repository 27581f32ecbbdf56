%% Closures of modules that change: functions that somebody keeps as a value. An upgrade replaces modules,
%% not values; such a function runs the code that it was made with, for as long as that is loaded.
%%
%% Looked for in telemetry's handlers, ETS tables, persistent_term, process dictionaries and states of
%% OTP's processes, within limits: what is larger, or comes after the time is up, is counted as not seen.
%% `&Module.name/arity` names no code, is found nowhere, and always runs the newest.
-module(tsugi_funs).
-export([found/1, left/1, texts/1, funs/1, is_exact/1, belongs/1]).

-define(MAX_ROWS, 100000).
-define(MAX_STATE_BYTES, 4194304).
-define(BUDGET_MS, 2000).

%% Closures of these modules: [#{module, place, name, count}], and #{tables, processes} where some were not
%% looked into.
found([]) -> [];
found(Modules) -> scan(maps:from_keys(Modules, true), fun(_) -> true end).

%% Those of them that run other code than what is loaded.
left(Modules) ->
    [Found || #{module := _} = Found <- scan(maps:from_keys(Modules, true), fun(F) -> not belongs(F) end)].

belongs(F) ->
    {module, M} = erlang:fun_info(F, module),
    {new_uniq, Uniq} = erlang:fun_info(F, new_uniq),
    try M:module_info(md5) =:= Uniq catch error:undef -> false end.

%% A named function without an environment: what it is now can be said exactly.
is_exact(F) ->
    {name, Name} = erlang:fun_info(F, name),
    erlang:fun_info(F, env) =:= {env, []} andalso hd(atom_to_list(Name)) =/= $-.

%% "3 closures of Shop.Metrics in ETS table hooks", each with what would be better.
texts(Found) ->
    [tsugi_json:text([tsugi_text:count(Count, "closure"), " of ", module(M), " in ", Place, remedy(M, Name, Place)])
     || #{module := M, place := Place, name := Name, count := Count} <- Found]
        ++ [tsugi_json:text(["not looked into for closures: ", tsugi_text:count(Tables, "ETS table"), ", ",
                             tsugi_text:count(Processes, "state"), " (too large, or no time left)"])
            || #{tables := Tables, processes := Processes} <- Found].

module(M) ->
    case atom_to_list(M) of "Elixir." ++ Name -> Name; Name -> Name end.

remedy(_, {_, _}, <<"telemetry's handler ", _/binary>>) -> " (made anew from its name)";
remedy(M, Name, _) -> remedy(M, Name).

remedy(_, none) -> " (name a function instead: &Module.name/arity)";
remedy(M, {Name, Arity}) -> io_lib:format(" (write &~ts.~ts/~b)", [module(M), Name, Arity]).

%% --- where --------------------------------------------------------------------------------------

scan(Set, Is) ->
    Deadline = erlang:monotonic_time(millisecond) + ?BUDGET_MS,
    %% In a process of its own: copies of tables and states are gone with it.
    {Pid, Reference} = spawn_monitor(fun() -> exit({found, everywhere(Set, Is, Deadline)}) end),
    receive
        {'DOWN', Reference, process, Pid, {found, Found}} -> Found;
        {'DOWN', Reference, process, Pid, _} -> []
    after ?BUDGET_MS * 2 ->
        erlang:demonitor(Reference, [flush]),
        exit(Pid, kill),
        []
    end.

everywhere(Set, Is, Deadline) ->
    Handlers = handlers(Set, Is),
    Rows = [Hit || {_, _} = Hit <- tables(Set, Is, Deadline)],
    Terms = [{["persistent_term ", term(Key)], Funs}
             || {Key, Value} <- persistent_term:get(), Funs <- [chosen(Value, Set, Is)], Funs =/= []],
    States = processes(Set, Is, Deadline),
    counted(Handlers ++ Rows ++ Terms ++ States) ++ missed().

counted(Hits) ->
    Each = [{{module_of(F), iolist_to_binary([unicode:characters_to_binary(Place)])}, F} || {Place, Funs} <- Hits, F <- Funs],
    Groups = lists:foldl(fun({Key, F}, Acc) -> maps:update_with(Key, fun(L) -> [F | L] end, [F], Acc) end, #{}, Each),
    [#{module => M, place => Place, count => length(Funs), name => common_name(Funs)}
     || {{M, Place}, Funs} <- lists:sort(maps:to_list(Groups))].

common_name(Funs) ->
    case lists:usort([case is_exact(F) of true -> named(F); false -> none end || F <- Funs]) of
        [One] -> One;
        _ -> none
    end.

named(F) ->
    {name, Name} = erlang:fun_info(F, name),
    {arity, Arity} = erlang:fun_info(F, arity),
    {Name, Arity}.

module_of(F) -> {module, M} = erlang:fun_info(F, module), M.

handlers(Set, Is) ->
    try telemetry:list_handlers([]) of
        Handlers -> [{["telemetry's handler ", term(Id)], Funs}
                     || #{id := Id, function := F} <- Handlers, Funs <- [chosen(F, Set, Is)], Funs =/= []]
    catch error:undef -> []
    end.

tables(Set, Is, Deadline) ->
    [{["ETS table ", table(T)], Funs}
     || T <- ets:all(), is_readable(T), in_time(Deadline),
        Funs <- [try ets:foldl(fun(Row, Acc) -> chosen(Row, Set, Is) ++ Acc end, [], T) catch error:badarg -> [] end],
        Funs =/= []].

is_readable(T) ->
    case {ets:info(T, protection), ets:info(T, size), ets:info(T, name)} of
        {private, _, _} -> false;
        %% Shown as telemetry's own.
        {_, _, telemetry_handler_table} -> false;
        {_, Size, _} when is_integer(Size) -> Size =< ?MAX_ROWS orelse miss(tables);
        _ -> false
    end.

table(T) -> term(case ets:info(T, name) of undefined -> T; Name -> Name end).

processes(Set, Is, Deadline) ->
    Pids = erlang:processes() -- [self()],
    [{["the dictionary of ", tsugi_verify:name(Pid)], Funs}
     || Pid <- Pids, {dictionary, Dictionary} <- [erlang:process_info(Pid, dictionary)],
        Funs <- [chosen(Dictionary, Set, Is)], Funs =/= []]
        ++ [{["the state of ", tsugi_verify:name(Pid)], Funs}
            || {Pid, State} <- states([Pid || Pid <- Pids, is_asked(Pid)], Deadline),
               Funs <- [chosen(State, Set, Is)], Funs =/= []].

%% OTP's loops that are idle and small; tsugi's own and the release handler are at work.
is_asked(Pid) ->
    case erlang:process_info(Pid, [current_function, memory, message_queue_len, registered_name]) of
        [{_, {M, F, _}}, {_, Bytes}, {_, 0}, {_, Name}] ->
            lists:member({M, F}, [{gen_server, loop}, {gen_statem, loop}, {gen_statem, loop_receive}, {erlang, hibernate}])
                andalso not lists:member(Name, [release_handler, tsugi_server])
                andalso (Bytes =< ?MAX_STATE_BYTES orelse miss(processes));
        _ -> false
    end.

%% All are asked at once. Who is suspended answers too.
states(Pids, Deadline) ->
    Asked = [begin R = monitor(process, Pid), Pid ! {system, {self(), R}, get_state}, {R, Pid} end || Pid <- Pids],
    lists:foldl(fun({R, Pid}, Acc) ->
        Left = max(0, min(200, Deadline - erlang:monotonic_time(millisecond))),
        receive
            {R, {ok, State}} -> erlang:demonitor(R, [flush]), [{Pid, State} | Acc];
            {R, _} -> erlang:demonitor(R, [flush]), Acc;
            {'DOWN', R, _, _, _} -> Acc
        after Left -> miss(processes), erlang:demonitor(R, [flush]), Acc
        end
    end, [], Asked).

in_time(Deadline) -> erlang:monotonic_time(millisecond) =< Deadline orelse miss(tables).

%% Counted in the dictionary of the process that looks, which ends with it.
miss(What) ->
    put({?MODULE, What}, 1 + missed(What)),
    false.

missed(What) -> case get({?MODULE, What}) of undefined -> 0; N -> N end.

missed() ->
    case {missed(tables), missed(processes)} of
        {0, 0} -> [];
        {Tables, Processes} -> [#{tables => Tables, processes => Processes}]
    end.

chosen(Term, Set, Is) -> [F || F <- funs(Term), is_map_key(module_of(F), Set), Is(F)].

term(Term) -> io_lib:format("~0tp", [Term]).

%% --- in a term ----------------------------------------------------------------------------------

%% Every local function in it, those in the environments of others too.
funs(Term) -> funs(Term, []).

funs(F, Acc) when is_function(F) ->
    case erlang:fun_info(F, type) of
        {type, local} -> {env, Env} = erlang:fun_info(F, env), funs(Env, [F | Acc]);
        _ -> Acc
    end;
funs([Head | Tail], Acc) -> funs(Tail, funs(Head, Acc));
funs(Tuple, Acc) when is_tuple(Tuple) -> funs_of_tuple(Tuple, tuple_size(Tuple), Acc);
funs(Map, Acc) when is_map(Map) -> maps:fold(fun(K, V, A) -> funs(V, funs(K, A)) end, Acc, Map);
funs(_, Acc) -> Acc.

funs_of_tuple(_, 0, Acc) -> Acc;
funs_of_tuple(Tuple, N, Acc) -> funs_of_tuple(Tuple, N - 1, funs(element(N, Tuple), Acc)).
