%% A VM that stands by: it boots beside the one that runs, up to where an application would take a name or a
%% port. Its code is loaded and its configuration read by then; nothing is started. It goes on as soon as the
%% keeper has seen the other one end.
%%
%%   request/1, give_up/0   in the VM that runs
%%   wait/0                 in the one that stands by: called by its boot script ahead of kernel, so there is
%%                          neither a code server nor a file server yet
-module(tsugi_standby).
-export([is_possible/0, request/1, give_up/0, wait/0]).

-define(POLL_MS, 5).
-define(END_MS, 5000).

%% A keeper of another tsugi may not know how.
is_possible() -> os:getenv("TSUGI_KEEPER_TAKES") =:= "standby".

%% Returns when it stands by.
%% @throws TSUGI_NOT_READY
request(Vsn) ->
    ok = give_up(),
    [file:delete(run(F)) || F <- ["standby.ready", "standby.pid"]],
    ok = tsugi_files:write(run("standby"), [Vsn, "\n"]),
    _ = os:cmd("kill -USR1 " ++ os:getenv("TSUGI_KEEPER")),
    ReadyMs = tsugi_settings:get(Vsn, [<<"timeouts">>, <<"readyMs">>]),
    try stands_by(Vsn, ReadyMs, now_ms() + ReadyMs)
    catch Class:Reason:Stack -> give_up(), erlang:raise(Class, Reason, Stack)
    end.

%% Returns when it has ended: by the same files a next one would take it along, and both would go on.
give_up() ->
    _ = file:delete(run("standby")),
    ended(now_ms() + ?END_MS).

ended(Deadline) ->
    %% It may have been this very VM, which forgets that as soon as it goes on.
    Own = list_to_integer(os:getpid()),
    case {tsugi_remote:standby_pid(), now_ms() > Deadline} of
        {none, _} -> ok;
        {Own, _} -> ok;
        {Pid, true} -> _ = os:cmd("kill -9 " ++ integer_to_list(Pid)), ok;
        {_, false} -> timer:sleep(?POLL_MS), ended(Deadline)
    end.

stands_by(Vsn, ReadyMs, Deadline) ->
    IsOver = now_ms() > Deadline,
    case {filelib:is_regular(run("standby.ready")), lives()} of
        {true, _} -> ok;
        {false, false} -> refuse(Vsn, ReadyMs, "it ended while it booted beside the one that runs; the log has what it said");
        {false, true} when IsOver -> refuse(Vsn, ReadyMs, "it was booted beside the one that runs");
        {false, true} -> timer:sleep(?POLL_MS), stands_by(Vsn, ReadyMs, Deadline)
    end.

%% As long as the keeper has not said which process it is, it may still come.
lives() ->
    case string:to_integer(tsugi_files:read_text(run("standby.pid"))) of
        {Pid, _} when is_integer(Pid) -> tsugi_os:alive(Pid);
        _ -> true
    end.

-spec refuse(string(), integer(), string()) -> no_return().
refuse(Vsn, ReadyMs, Why) ->
    tsugi_error:throw('TSUGI_NOT_READY', #{what => [tsugi_layout:name(), " ", Vsn], timeoutMs => ReadyMs, why => Why}).

run(File) -> tsugi_layout:at(["run", File]).

now_ms() -> erlang:monotonic_time(millisecond).

%% --- in the one that stands by ------------------------------------------------------------------

wait() ->
    case os:getenv("TSUGI_STANDBY") of
        false -> ok;
        File ->
            os:unsetenv("TSUGI_STANDBY"),
            ok = prim_file:write_file(File ++ ".ready", <<>>),
            wait(File, "/proc/" ++ os:getenv("TSUGI_KEEPER"))
    end.

%% The keeper renames the file; whoever gives up deletes it.
wait(File, Keeper) ->
    case {is_there(File), is_there(File ++ ".go")} of
        {_, true} -> went_on(File);
        {false, false} -> given_up(File);
        {true, false} ->
            _ = is_there(Keeper) orelse not is_there("/proc/self") orelse erlang:halt(0),
            receive after ?POLL_MS -> wait(File, Keeper) end
    end.

%% It may have been renamed between the two looks.
given_up(File) -> is_there(File ++ ".go") orelse erlang:halt(0), went_on(File).

went_on(File) -> [prim_file:delete(File ++ Ending) || Ending <- [".ready", ".pid", ".go"]], ok.

is_there(Path) -> element(1, prim_file:read_file_info(Path)) =:= ok.
