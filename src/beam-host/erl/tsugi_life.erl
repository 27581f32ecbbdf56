%% start, stop, restart, foreground, eval.
-module(tsugi_life).
-export([start/3, stop/3, restart/3, foreground/3, eval/3]).

start(_, _, _) -> tsugi_lock:in_turn(fun start/0).

start() ->
    refuse_if_running(),
    {{Vsn, Pid}, Ms} = tsugi_time:measure(fun() ->
        Vsn = prepare(),
        ok = file:write_file(run_file("first"), <<>>),
        spawn_keeper(),
        Pid = wait_ready(Vsn),
        _ = file:delete(run_file("first")),
        {Vsn, Pid}
    end),
    Name = tsugi_layout:name(),
    {ok, #{name => text(Name), version => text(Vsn), pid => Pid, ms => Ms},
     io_lib:format("~ts ~ts is ready, pid ~p (~ts)", [Name, Vsn, Pid, tsugi_text:ms(Ms)])}.

run_file(Name) -> tsugi_layout:at(["run", Name]).

refuse_if_running() ->
    case running_pid() of
        none -> ok;
        Pid -> tsugi_error:throw('TSUGI_ALREADY_RUNNING',
                                 #{pid => Pid, version => case tsugi_remote:running_version() of undefined -> ""; V -> V end})
    end.

%% The VM, or the keeper that is about to start it.
running_pid() ->
    case tsugi_remote:vm_pid() of
        none -> tsugi_remote:keeper_pid();
        Pid -> Pid
    end.

%% Which release that would be, where nothing speaks against it.
bootable() ->
    tsugi_exposure:refuse(),
    Vsn = permanent(),
    tsugi_settings:check(Vsn),
    _ = tsugi_unpack:verify_once(Vsn),
    Vsn.

%% Everything that must be right before a VM is started: verified, configured, known to OTP.
prepare() ->
    Vsn = bootable(),
    tsugi_unknown:warn(),
    tsugi_unpack:sweep(),
    tsugi_remove:sweep(),
    ensure_cookie(),
    _ = tsugi_handler:permanent_on_disk() =:= Vsn orelse tsugi_handler:write_start_erl(Vsn),
    ok = tsugi_handler:ensure_releases(Vsn),
    mark_permanent(Vsn),
    _ = tsugi_config:evaluate(Vsn),
    [file:delete(tsugi_layout:at(["run", F]))
     || F <- ["gave-up", "restarts", "stopping", "again", "node", "pid", "log.dropped", "standby", "standby.go"]],
    ok = tsugi_files:write(tsugi_layout:at(["run", "boot"]), [Vsn, "\n"]),
    ok = tsugi_files:write(tsugi_layout:at(["run", "keeper.settings"]), tsugi_settings:keeper(Vsn)),
    ok = tsugi_files:write(tsugi_layout:at(["run", "node.args"]), node_args(Vsn), 8#600),
    Vsn.

permanent() ->
    case tsugi_handler:permanent_on_disk() of
        undefined ->
            case lists:sort(fun(A, B) -> tsugi_plan:compare(A, B) =/= less end, tsugi_layout:versions()) of
                [Newest | _] -> Newest;
                [] -> tsugi_error:throw('TSUGI_RELEASE_NOT_FOUND',
                                        #{version => "", looked => "no release below releases/",
                                          dropBox => tsugi_layout:at(["releases"])})
            end;
        Vsn -> Vsn
    end.

mark_permanent(Vsn) ->
    Committed = [V || #{<<"version">> := V, <<"committed">> := _} <- maps:get(<<"releases">>, tsugi_handler:view(), [])],
    Marks = case lists:member(text(Vsn), Committed) of true -> #{}; false -> #{committed => true} end,
    tsugi_handler:write_view(#{Vsn => Marks#{verified => true}}).

%% The cookie is the host's own; whoever needs the same on several hosts sets RELEASE_COOKIE in etc/env.
ensure_cookie() ->
    File = tsugi_layout:at(["releases", "COOKIE"]),
    case {os:getenv("RELEASE_COOKIE", ""), filelib:is_regular(File)} of
        {"", false} ->
            Cookie = base64:encode(crypto:strong_rand_bytes(30)),
            Clean = << <<(case C of $+ -> $A; $/ -> $B; _ -> C end)>> || <<C>> <= Cookie >>,
            ok = tsugi_files:write(File, Clean, 8#600),
            os:putenv("RELEASE_COOKIE", binary_to_list(Clean));
        _ -> ok
    end.

%% The cookie here is thrown away by tsugi_cookie: what stands in this file ends on the command line.
node_args(Vsn) ->
    case os:getenv("RELEASE_DISTRIBUTION", "sname") of
        "none" -> "";
        Kind ->
            ThrowAway = integer_to_list(binary:decode_unsigned(crypto:strong_rand_bytes(16)), 36),
            [["-", Kind, " ", os:getenv("RELEASE_NODE", tsugi_layout:name()), "\n"] || not is_named_by_vm_args(Vsn)]
                ++ ["-setcookie ", ThrowAway, "\n"]
    end.

is_named_by_vm_args(Vsn) ->
    File = os:getenv("RELEASE_VM_ARGS", tsugi_layout:release(Vsn, "vm.args")),
    os:getenv("TSUGI_NODE_SAID", "") =:= ""
        andalso re:run(tsugi_files:read_text(File), "^[ \t]*-s?name[ \t]", [multiline]) =/= nomatch.

spawn_keeper() ->
    Script = filename:join(tsugi_layout:tsugi_priv(), "keep.sh"),
    Command = "if command -v setsid >/dev/null 2>&1; then setsid /bin/sh \"$1\" daemon </dev/null >/dev/null 2>&1 & "
              "else nohup /bin/sh \"$1\" daemon </dev/null >/dev/null 2>&1 & fi",
    Port = open_port({spawn_executable, "/bin/sh"}, [{args, ["-c", Command, "sh", Script]}, exit_status]),
    receive {Port, {exit_status, 0}} -> ok end.

wait_ready(Vsn) ->
    ReadyMs = tsugi_settings:get(Vsn, [<<"timeouts">>, <<"readyMs">>]),
    wait_ready(Vsn, ReadyMs, erlang:monotonic_time(millisecond) + ReadyMs).

wait_ready(Vsn, ReadyMs, Deadline) ->
    Left = Deadline - erlang:monotonic_time(millisecond),
    GaveUp = filelib:is_regular(tsugi_layout:at(["run", "gave-up"])),
    if
        GaveUp ->
            tsugi_error:throw('TSUGI_START_FAILED', #{version => Vsn, problem => ["it ended while it booted:\n", last_lines()]});
        Left =< 0 ->
            end_vm(),
            not_ready(Vsn, ReadyMs, last_lines());
        true ->
            case is_started() of
                {true, Pid} -> Pid;
                false -> timer:sleep(25), wait_ready(Vsn, ReadyMs, Deadline)
            end
    end.

is_started() ->
    case tsugi_files:read_text(tsugi_layout:at(["run", "node"])) of
        "" -> false;
        "none" ++ _ ->
            case tsugi_remote:vm_pid() of none -> false; Pid -> {true, Pid} end;
        _ ->
            case tsugi_remote:running() of
                {Pid, Node} when is_atom(Node), Node =/= none ->
                    case rpc:call(Node, init, get_status, []) of
                        {started, _} -> {true, Pid};
                        _ -> false
                    end;
                _ -> false
            end
    end.

-spec not_ready(term(), term(), term()) -> no_return().
not_ready(Vsn, ReadyMs, Why) ->
    tsugi_error:throw('TSUGI_NOT_READY',
                      #{what => [tsugi_layout:name(), " ", Vsn], timeoutMs => ReadyMs, why => Why}).

last_lines() ->
    case file:read_file(tsugi_layout:at(["log", tsugi_layout:name() ++ ".log"])) of
        {ok, Bytes} ->
            Lines = string:split(string:trim(binary_to_list(Bytes)), "\n", all),
            lists:join("\n", lists:nthtail(max(0, length(Lines) - 12), Lines));
        _ -> "no log"
    end.

end_vm() ->
    _ = file:write_file(tsugi_layout:at(["run", "stopping"]), <<>>),
    case tsugi_remote:vm_pid() of
        none -> ok;
        Pid -> os:cmd("kill -9 " ++ integer_to_list(Pid))
    end.

%% sh goes on as the keeper, in the same process: `run/keeper` names it from here on.
foreground(_, _, _) ->
    tsugi_lock:in_turn(fun() ->
        refuse_if_running(),
        _ = prepare(),
        _ = file:delete(run_file("first")),
        ok = file:write_file(run_file("keeper"), [os:getenv("TSUGI_SH_PID", ""), "\n"]),
        {ok, #{}, ""}
    end).

%% sh goes on with it; the release need never have been started.
eval(Vsn, [_Expression], _) ->
    tsugi_exposure:refuse(),
    tsugi_settings:check(Vsn),
    _ = tsugi_unpack:verify_once(Vsn),
    _ = tsugi_config:evaluate(Vsn),
    {ok, #{}, ""}.

%% --- stop ---------------------------------------------------------------------------------------

stop(_, _, _) ->
    Pid = case tsugi_remote:vm_pid() of
        none -> end_keeper(), tsugi_error:throw('TSUGI_NOT_RUNNING', #{});
        P -> P
    end,
    %% Asked once: a node that hangs answers neither now nor later.
    Node = tsugi_remote:node_or_none(),
    IsReachable = Node =/= none andalso Node =/= no_distribution,
    {Vsn, States} = case IsReachable of
        true -> {tsugi_remote:call(Node, tsugi_handler, current, []), tsugi_remote:call(Node, tsugi_status, states, [])};
        false -> {tsugi_handler:permanent_on_disk(), []}
    end,
    States =:= [] orelse tsugi_cli:note(tsugi_text:wrap(["In-memory state goes with it: ", lists:join(", ", States)], "  ")),
    {Killed, Ms} = tsugi_time:measure(fun() -> stop_vm(Pid, Vsn, case IsReachable of true -> Node; false -> none end) end),
    Name = tsugi_layout:name(),
    {ok, #{name => text(Name), version => text(Vsn), pid => Pid, states => States, killed => Killed, ms => Ms},
     io_lib:format("~ts ~ts ~ts, pid ~p (~ts)",
                   [Name, Vsn, case Killed of true -> "was killed: it did not end in time"; false -> "stopped" end,
                    Pid, tsugi_text:ms(Ms)])}.

stop_vm(Pid, Vsn, Node) ->
    %% An etc/ that can't be read must not keep it running.
    StopMs = try tsugi_settings:get(Vsn, [<<"timeouts">>, <<"stopMs">>]) catch _:_ -> 30000 end,
    ok = file:write_file(run_file("stopping"), <<>>),
    case Node of
        none -> os:cmd("kill -TERM " ++ integer_to_list(Pid));
        _ -> rpc:cast(Node, init, stop, [])
    end,
    Killed = case wait_gone(Pid, StopMs) of
        true -> false;
        false ->
            os:cmd("kill -9 " ++ integer_to_list(Pid)),
            wait_gone(Pid, 5000),
            true
    end,
    end_keeper(),
    Killed.

%% The keeper ends by itself, epmd with it; one that was not there is made up for.
end_keeper() ->
    case tsugi_remote:keeper_pid() of
        none -> ok;
        Keeper ->
            ok = file:write_file(run_file("stopping"), <<>>),
            wait_gone(Keeper, 3000)
    end,
    _ = net_kernel:stop(),
    _ = tsugi_os:run(filename:join(tsugi_layout:tsugi_priv(), "epmd.sh"), [tsugi_layout:root()]),
    [file:delete(run_file(F)) || F <- ["node", "pid", "stopping", "keeper"]],
    ok.

wait_gone(Pid, Ms) when Ms =< 0 -> not tsugi_os:alive(Pid);
wait_gone(Pid, Ms) ->
    case tsugi_os:alive(Pid) of
        false -> true;
        true -> timer:sleep(20), wait_gone(Pid, Ms - 20)
    end.

%% What a start would refuse is refused while the old one still serves.
restart(Vsn, Arguments, Options) ->
    _ = running_pid() =:= none orelse bootable(),
    _ = try stop(Vsn, Arguments, Options) of
        {ok, _, Text} -> tsugi_cli:note(Text)
    catch throw:{tsugi_error, 'TSUGI_NOT_RUNNING', _} ->
        tsugi_cli:note([tsugi_layout:name(), " was not running"])
    end,
    start(Vsn, Arguments, Options).

text(Value) -> tsugi_json:text(Value).
