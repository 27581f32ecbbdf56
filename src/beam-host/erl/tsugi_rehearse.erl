%% Rehearsal: each process's state is copied and taken through code_change by the code that would do
%% it, in a VM of its own. What fails there would have cost the node its state here.
%%
%%   run/3      in the node: copies states, starts the VM, reads its answers
%%   main/0     in that VM
-module(tsugi_rehearse).
-export([run/3, report/4, change_vsn/3, main/0, main/1]).

%% Copies of more than this are skipped, and said to be.
-define(MAX_BYTES, 67108864).
-define(COPY_TIMEOUT_MS, 1000).

%% #{Module => true | Text}: rehearsed, or why not.
%% @throws TSUGI_STATE_FAILED
run(_, _, <<"skip">>) -> #{};
run(#{from := #{vsn := From}, to := #{vsn := To}, direction := Direction}, Script, Mode) ->
    Carrier = case Direction of up -> To; down -> From end,
    Changes = tsugi_script:changes(Script),
    TimeoutMs = tsugi_settings:get(From, [<<"timeouts">>, <<"rehearseMs">>]),
    Begun = now_ms(),
    Processes = tsugi_freeze:processes([M || {M, _, _} <- Changes]),
    %% Those that don't answer must not take it all.
    Copies = [copy(M, Pid, lists:keyfind(M, 1, Changes), Mode, Begun + TimeoutMs div 2) || {M, Pid} <- Processes],
    Skipped = maps:from_list([{M, Why} || {skipped, M, Why} <- Copies]),
    Files = tsugi_release:code_files(tsugi_release:load(case Direction of up -> From; down -> To end)),
    case [setelement(5, Copy, change_vsn(element(2, Copy), Direction, Files))
          || {copy, _, _, _, _, _} = Copy <- Copies] of
        [] -> Skipped;
        Ready -> maps:merge(maps:from_list(perform(Carrier, Ready, TimeoutMs, Begun + TimeoutMs)), Skipped)
    end.

now_ms() -> erlang:monotonic_time(millisecond).

%% The version that release_handler will give to code_change.
change_vsn(M, Direction, Files) ->
    Vsn = case Files of #{M := File} -> tsugi_beams:vsn(File); _ -> undefined end,
    case Direction of up -> Vsn; down -> {down, Vsn} end.

%% One that ends meanwhile, as a page's does at any time, has no state any more: gone.
copy(Module, Pid, {_, Extra, _}, Mode, Deadline) ->
    TimeoutMs = min(?COPY_TIMEOUT_MS, Deadline - now_ms()),
    case erlang:process_info(Pid, memory) of
        undefined -> gone;
        {memory, Bytes} when Bytes > ?MAX_BYTES, Mode =/= <<"full">> ->
            {skipped, Module, <<"skipped: the process is larger than 64 MB">>};
        _ when TimeoutMs =< 0 -> {skipped, Module, <<"skipped: no time was left for it (timeouts.rehearseMs)">>};
        _ ->
            try
                Kind = kind(Pid, Module, TimeoutMs),
                {copy, Module, of_kind(Kind, sys:get_state(Pid, TimeoutMs)), Extra, undefined, Kind}
            catch
                exit:{timeout, _} -> {skipped, Module, <<"skipped: the process is busy">>};
                exit:_ -> gone;
                throw:gone -> gone;
                throw:wrapped -> {skipped, Module, <<"skipped: its state is kept by another module">>}
            end
    end.

%% Whose loop it runs says which function will be called with which state.
kind(Pid, Module, TimeoutMs) ->
    {status, _, {module, Loop}, _} = sys:get_status(Pid, TimeoutMs),
    case {Loop, initial_call(Pid)} of
        {Module, _} -> special;
        {gen_server, {Module, init, _}} -> server;
        {gen_statem, {Module, init, _}} -> statem;
        %% A channel, whose state is its socket, and a LiveView, in whose state it is.
        {gen_server, {Module, join, 3}} -> server;
        {gen_server, _} -> case tsugi_views:view(Pid) of Module -> view; _ -> throw(wrapped) end;
        _ -> throw(wrapped)
    end.

of_kind(view, #{socket := Socket}) -> Socket;
of_kind(view, _) -> throw(wrapped);
of_kind(_, State) -> State.

perform(Carrier, [{copy, First, _, _, _, _} | _] = Copies, TimeoutMs, Deadline) ->
    File = tsugi_layout:at(["run", "rehearsal." ++ os:getpid()]),
    ok = file:write_file(File, <<>>),
    ok = file:change_mode(File, 8#600),
    ok = file:write_file(File, term_to_binary(Copies)),
    Arguments = [Carrier, ?MODULE_STRING, "main", Carrier, File],
    try tsugi_os:run_within([tsugi_layout:tsugi_priv() ++ "/evaluate.sh" | Arguments], max(1, Deadline - now_ms())) of
        {0, _} ->
            {ok, Bytes} = file:read_file(File),
            [answer(M, Outcome) || {M, Outcome} <- binary_to_term(Bytes)];
        {time_out, _} ->
            {ok, Bytes} = file:read_file(File),
            Module = case binary_to_term(Bytes) of {under_way, M} -> M; _ -> First end,
            Why = io_lib:format("its rehearsal did not end within ~b ms (timeouts.rehearseMs)", [TimeoutMs]),
            answer(Module, {failed, Why});
        {_, Output} -> [{M, tsugi_json:text(["skipped: ", string:slice(Output, 0, 200)])}
                        || {copy, M, _, _, _, _} <- Copies]
    after
        file:delete(File)
    end.

answer(Module, ok) -> {Module, true};
answer(Module, {needs_system, Why}) ->
    {Module, tsugi_json:text(["skipped: code_change needs the running system (", Why, ")"])};
answer(Module, {failed, Why}) ->
    tsugi_error:throw('TSUGI_STATE_FAILED', #{state => Module, problem => Why}).

%% --- in the VM ----------------------------------------------------------------------------------

main() -> main([]).

main(_) ->
    [Vsn, File] = init:get_plain_arguments(),
    {ok, Bytes} = file:read_file(File),
    Copies = binary_to_term(Bytes),
    #{consolidated := Consolidated} = tsugi_release:load(Vsn),
    _ = Consolidated =:= none orelse code:add_patha(Consolidated),
    _ = application:ensure_all_started(elixir),
    Outcomes = [begin
                    ok = file:write_file(File, term_to_binary({under_way, M})),
                    {M, rehearse(M, State, Extra, OldVsn, Kind)}
                end || {copy, M, State, Extra, OldVsn, Kind} <- Copies],
    ok = file:write_file(File, term_to_binary(Outcomes)),
    erlang:halt(0).

rehearse(M, State, Extra, Vsn, Kind) ->
    try
        case Kind of
            statem ->
                {Name, Data} = State,
                M:code_change(Vsn, Name, Data, Extra);
            special -> M:system_code_change(State, M, Vsn, Extra);
            _ -> M:code_change(Vsn, State, Extra)
        end
    of
        {ok, _} -> ok;
        {ok, _, _} -> ok;
        Wrong -> {failed, io_lib:format("code_change answered ~0tP", [Wrong, 12])}
    catch
        exit:{noproc, _} -> {needs_system, "a process"};
        exit:Reason -> {needs_system, io_lib:format("~0tP", [Reason, 8])};
        error:badarg -> {needs_system, "a table or a port"};
        error:undef -> {failed, "code_change is not defined"};
        Class:Reason -> {failed, io_lib:format("~p in code_change: ~0tP", [Class, Reason, 12])}
    end.

%% --- the report ---------------------------------------------------------------------------------

%% One entry a module: a view or a channel has as many processes as there are pages.
report(Rehearsed, #{frozen := Frozen, bytes := Bytes, migrateMs := Times}, Script, #{from := From, to := To}) ->
    Old = tsugi_release:code_files(From),
    New = tsugi_release:code_files(To),
    Sum = fun(Map, Pids) -> lists:sum([maps:get(Pid, Map, 0) || Pid <- Pids]) end,
    [begin
         Entry = #{name => tsugi_json:text(M), from => vsn_of(M, Old), to => vsn_of(M, New), bytes => Sum(Bytes, Pids),
                   migrateMs => measured(Pids, Times), rehearsed => maps:get(M, Rehearsed, false)},
         Alive = [Pid || Pid <- Pids, is_process_alive(Pid)],
         maps:merge(Entry, maps:from_list([{processes, length(Pids)} || length(Pids) > 1]
                                          ++ [{dropped, length(Pids) - length(Alive)} || Alive =/= Pids]))
     end || {M, Pids} <- by_module(tsugi_freeze:carriers(Frozen), [M || {M, _, _} <- tsugi_script:changes(Script)])].

%% Nobody but release_handler knows, where it goes one module after the other.
measured(Pids, Times) ->
    case maps:values(maps:with(Pids, Times)) of
        [] -> null;
        Known -> lists:sum(Known)
    end.

by_module(Carriers, Changes) ->
    [{M, Pids} || M <- lists:usort(Changes), Pids <- [[Pid || {Module, Pid} <- Carriers, Module =:= M]], Pids =/= []].

%% Without -vsn it is the MD5 of the code: its first digits tell two apart.
vsn_of(M, Files) ->
    case Files of
        #{M := File} ->
            case tsugi_beams:vsn(File) of
                Small when is_integer(Small), Small < 16#ffffffff -> Small;
                Digest when is_integer(Digest) ->
                    <<Head:4/binary, _/binary>> = <<Digest:128>>,
                    tsugi_json:text(string:lowercase(binary:encode_hex(Head)));
                Vsn -> tsugi_json:text(Vsn)
            end;
        _ -> null
    end.

initial_call(Pid) ->
    case erlang:process_info(Pid, dictionary) of
        {dictionary, Dictionary} -> proplists:get_value('$initial_call', Dictionary);
        undefined -> throw(gone)
    end.
