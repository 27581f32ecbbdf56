%% All changed modules become the running code in one step. They are read, checked and prepared while the
%% old version serves; a beam that can't be loaded is a refusal.
%%
%% What was the code until then stays loaded as old code: functions that somebody has kept (in a table, in
%% a process) go on working. The next upgrade of the module purges it.
-module(tsugi_loading).
-export([prepare/1, finish/2, delete/1, purge/1, occupied/1]).

%% [{Module, File}] → #{prepared, alone => [{Module, File, Binary}]}: a module with -on_load can't be
%% loaded together with others.
%% @throws TSUGI_RELEASE_DAMAGED
prepare(Files) -> prepare([{M, File, read(File)} || {M, File} <- Files], []).

prepare(Binaries, Alone) ->
    case code:prepare_loading(Binaries) of
        {ok, Prepared} -> #{prepared => Prepared, alone => Alone};
        {error, Errors} ->
            OnLoad = [M || {M, on_load_not_allowed} <- Errors],
            case [Error || {M, _} = Error <- Errors, not lists:member(M, OnLoad)] of
                [] ->
                    {Apart, Rest} = lists:partition(fun({M, _, _}) -> lists:member(M, OnLoad) end, Binaries),
                    prepare(Rest, Apart ++ Alone);
                [{M, Reason} | _] -> damaged(io_lib:format("~tp can't be loaded: ~tp", [M, Reason]))
            end
    end.

read(File) ->
    case file:read_file(File) of
        {ok, Binary} -> Binary;
        {error, Reason} -> damaged([File, ": ", file:format_error(Reason)])
    end.

-spec damaged(iodata()) -> no_return().
damaged(Problem) -> tsugi_error:throw('TSUGI_RELEASE_DAMAGED', #{version => "", problem => Problem}).

%% Inside the pause. Brutal: modules whose appup kills who still runs the code before the last one.
finish(#{prepared := Prepared, alone := Alone}, {Modules, Brutal}) ->
    purge(Brutal),
    [_ = code:soft_purge(M) || M <- Modules, erlang:check_old_code(M)],
    [{module, M} = code:load_binary(M, File, Binary) || {M, File, Binary} <- Alone],
    ok = code:finish_loading(Prepared).

%% As OTP's {remove, …}, but that the code stays loaded as old code.
delete(Modules) ->
    [begin _ = code:soft_purge(M), _ = code:delete(M) end || M <- Modules],
    ok.

purge(Modules) -> [code:purge(M) || M <- Modules, erlang:check_old_code(M)], ok.

%% Of these modules, those whose old code a process still runs: they can take no new code.
occupied(Modules) ->
    Old = [M || M <- Modules, erlang:check_old_code(M)],
    [M || M <- Old, lists:any(fun(Pid) -> erlang:check_process_code(Pid, M) =:= true end, processes() -- [self()])].
