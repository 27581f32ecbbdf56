%% Commands that change which release runs. The work is done in the node, which goes on when this
%% program is gone; it shows how it goes and says how it ended.
-module(tsugi_change).
-export([unpack/3, plan/3, check/3, install/3, upgrade/3, downgrade/3, rollback/3, commit/3, reload/3,
         remove/3, prune/3, unpack_here/2, plan_here/3]).

unpack(_, [Asked], Options) ->
    #{version := Vsn, already := Already} =
        tsugi_remote:here_or_there(?MODULE, unpack_here, [absolute(Asked), maps:is_key("--force", Options)]),
    {ok, #{version => text(Vsn), releaseId => tsugi_manifest:id(Vsn), already => Already},
     [Vsn, case Already of true -> " was here already"; false -> " is unpacked" end]}.

unpack_here(Asked, Force) ->
    Unpacked = #{version := Vsn} = tsugi_unpack:unpack(Asked, #{force => Force}),
    _ = tsugi_handler:permanent() =:= undefined orelse tsugi_handler:status(Vsn) =/= undefined
        orelse tsugi_handler:set_unpacked(Vsn),
    tsugi_handler:write_view(case Unpacked of #{already := false} -> #{Vsn => #{verified => true}}; _ -> #{} end),
    Unpacked.

%% A path is the caller's; the node has another working directory.
absolute(Asked) ->
    case lists:member($/, Asked) orelse lists:suffix(".gz", Asked) orelse Asked =:= "." of
        true -> filename:absname(Asked, case os:getenv("TSUGI_CWD") of false -> "."; Cwd -> Cwd end);
        false -> Asked
    end.

plan(Vsn, [Asked], Options) ->
    #{version := To} = tsugi_remote:here_or_there(?MODULE, unpack_here, [absolute(Asked), false]),
    From = maps:get("--from", Options, case tsugi_remote:running() of
        none -> Vsn;
        _ -> tsugi_remote:call(tsugi_handler, current, [])
    end),
    Plan = plan_here(From, To, maps:is_key("--force", Options)),
    {ok, Plan, explain(Plan)}.

plan_here(From, To, Force) ->
    #{strategy := Strategy, reasons := Reasons, direction := Direction} = Plan =
        tsugi_plan:make(From, To, #{force => Force}),
    Script = case Strategy of swap -> tsugi_relup:script(Plan); restart -> [] end,
    #{from => text(From), to => text(To), strategy => atom_to_binary(Strategy),
      direction => atom_to_binary(Direction), reasons => [text(R) || R <- Reasons],
      differences => [#{component => text(App), from => vsn(from, Move), to => vsn(to, Move)}
                      || #{app := App} = Move <- maps:get(apps, Plan)],
      instructions => [text(io_lib:format("~0tp", [I])) || I <- Script], obstacles => []}.

vsn(Side, Move) -> case Move of #{Side := #{vsn := V}} -> text(V); _ -> <<"-">> end.

explain(#{from := From, to := To, strategy := Strategy, reasons := Reasons, instructions := Instructions}) ->
    [From, " → ", To, " by ", Strategy, "\n", [["  ", R, "\n"] || R <- Reasons],
     case Instructions of [] -> []; _ -> ["relup:\n", [["  ", I, "\n"] || I <- Instructions]] end].

%% --- upgrades -----------------------------------------------------------------------------------

check(_, [Asked], Options) -> change(Asked, check, auto, Options).
install(_, [Asked], Options) -> change(Asked, install, auto, Options).
upgrade(_, [Asked], Options) -> change(Asked, upgrade, auto, Options).

%% To a version that was installed earlier; the newer code, which runs, carries the state back.
downgrade(_, [Asked], Options) ->
    Node = tsugi_remote:require(),
    Status = tsugi_remote:call(Node, tsugi_handler, status, [Asked]),
    lists:member(Status, [old, permanent]) orelse
        tsugi_error:throw('TSUGI_NEVER_INSTALLED', #{version => Asked}),
    change(Asked, upgrade, down, Options#{said => "Downgraded "}).

rollback(_, [], Options) ->
    Node = tsugi_remote:require(),
    Current = tsugi_remote:call(Node, tsugi_handler, current, []),
    case tsugi_remote:call(Node, tsugi_handler, permanent, []) of
        Current -> change(previous(Current), upgrade, auto, Options#{said => "Rolled back "});
        Permanent -> change(Permanent, upgrade, auto, Options#{said => "Rolled back "})
    end.

previous(Current) ->
    Committed = lists:reverse(lists:sort(
        [{N, binary_to_list(V)} || #{<<"version">> := V, <<"committed">> := N, <<"status">> := <<"old">>}
                                       <- maps:get(<<"releases">>, tsugi_handler:view(), [])])),
    case Committed of
        [{_, Vsn} | _] -> Vsn;
        [] -> tsugi_error:throw('TSUGI_NOTHING_TO_ROLL_BACK_TO', #{version => Current})
    end.

change(Asked, Goal, Direction, Options) ->
    Node = tsugi_remote:require(),
    refuse_if_ephemeral(Options),
    Request = #{asked => absolute(Asked), goal => Goal, direction => Direction,
                said => maps:get(said, Options, "Upgraded "),
                options => #{force => maps:is_key("--force", Options),
                             allowRestart => maps:is_key("--allow-restart", Options),
                             rehearse => list_to_binary(maps:get("--rehearse", Options, "auto"))}},
    lists:member(maps:get("--rehearse", Options, "auto"), ["auto", "full", "skip"]) orelse
        tsugi_error:throw('TSUGI_USAGE', #{problem => "--rehearse is one of auto, full, skip",
                                           help => [tsugi_layout:bin(), " help upgrade"]}),
    case tsugi_remote:call(Node, tsugi_server, upgrade, [Request, self()]) of
        ok -> follow(Node, Request);
        {under_way, Vsn} -> tsugi_error:throw('TSUGI_UPGRADE_UNDER_WAY', #{version => Vsn})
    end.

%% In a container, what is not on a volume is gone with it.
refuse_if_ephemeral(#{"--ephemeral" := true}) -> ok;
refuse_if_ephemeral(_) ->
    case os:getenv("TSUGI_EPHEMERAL") =/= "1" andalso tsugi_container:is_ephemeral(tsugi_layout:root()) of
        true -> tsugi_error:throw('TSUGI_ROOT_IS_EPHEMERAL', #{});
        false -> ok
    end.

follow(Node, Request) ->
    true = erlang:monitor_node(Node, true),
    receive
        {tsugi_event, Event} -> show(Event), follow(Node, Request);
        {tsugi_result, Result} -> ended(Node, Request, Result);
        {nodedown, Node} -> went_down(Node)
    end.

show({step, _, 'begin', _}) -> ok;
show({step, Name, 'end', Ms}) ->
    tsugi_cli:note("  ~-11ts ~7ts  ~ts", [Name, [integer_to_list(round(Ms)), " ms"], reached(Name)]).

reached(unpack) -> "it is here, every file as its manifest says";
reached(plan) -> "appups and relup computed from the two releases";
reached(load) -> "config generated by the new version's code";
reached(rehearse) -> "the state was migrated in a rehearsal";
reached(before) -> "what comes before is done";
reached(freeze) -> "the processes with state are suspended";
reached(carry) -> "installed: new code, the state is with it";
reached(verify) -> "every module is the new one, no process in old code";
reached(probation) -> "the new version is healthy";
reached(commit) -> "made permanent";
reached('after') -> "what comes after is done";
reached('hand-back') -> "the old version is installed again, with the state";
reached(_) -> "".

ended(_, #{goal := Goal} = Request, {done, Report, _}) ->
    {ok, Report, [headline(Goal, Report, Request), "\n", tsugi_report:render(json(Report))]};
ended(Node, _, {failed, {tsugi_error, 'TSUGI_CODE_CHANGE_CRASHED', _}, _}) ->
    went_down(Node);
ended(_, #{goal := check}, {failed, Error, _}) -> erlang:throw(Error);
ended(_, _, {failed, Error, Report}) ->
    case tsugi_error:exit_code(Error) of
        _ when not is_map_key(result, Report) -> erlang:throw(Error);
        _ -> {exit, exit_code(maps:get(result, Report)), Report, tsugi_report:render(json(Report)), Error}
    end;
ended(Node, _, {restart, Plan, Report}) ->
    ok = tsugi_remote:call(Node, tsugi_restart, begin_restart, [slim(Plan), Report]),
    tsugi_cli:note("  restart: the old VM stops, the new one boots"),
    went_down(Node).

slim(#{from := #{vsn := From}, to := #{vsn := To}}) -> #{from => #{vsn => From}, to => #{vsn => To}}.

%% What became of the system decides the exit code, whatever the fault was.
exit_code(<<"refused">>) -> 4;
exit_code(<<"thawed">>) -> 4;
exit_code(<<"handed-back">>) -> 5;
exit_code(_) -> 1.

json(Report) -> tsugi_json:decode(tsugi_json:encode(Report)).

headline(check, #{from := From, to := To, strategy := Strategy}, _) ->
    ["Checked ", From, " → ", To, ": it would go by ", Strategy];
headline(install, #{to := To}, _) ->
    ["Installed ", To, "; it is current, not permanent: commit keeps it, rollback gives it up"];
headline(_, #{strategy := <<"none">>, to := To}, _) -> ["Nothing to do: ", To, " runs already"];
headline(_, #{from := From, to := To}, #{said := Said}) -> [Said, From, " → ", To].

%% The node restarts; when it is back it has the report of what happened.
went_down(Node) ->
    Lines = count_reports(),
    tsugi_cli:note("  the node went down; waiting for it"),
    Report = wait_back(Node, Lines, erlang:monotonic_time(millisecond) + 90000),
    case Report of
        none -> tsugi_error:throw('TSUGI_NODE_UNREACHABLE', #{pid => 0, problem => "it did not come back"});
        #{<<"result">> := <<"committed">>, <<"from">> := From, <<"to">> := To} ->
            {ok, Report, ["Upgraded ", From, " → ", To, " by restart\n", tsugi_report:render(Report)]};
        #{<<"error">> := #{<<"code">> := Code} = E} ->
            Details = maps:from_list([{binary_to_atom(K), V} || {K, V} <- maps:to_list(maps:get(<<"details">>, E, #{}))]),
            {exit, 5, Report, tsugi_report:render(Report), {tsugi_error, binary_to_atom(Code), Details}}
    end.

count_reports() ->
    case file:read_file(tsugi_layout:at(["log", "upgrades.jsonl"])) of
        {ok, Bytes} -> length(binary:matches(Bytes, <<"\n">>));
        _ -> 0
    end.

wait_back(Node, Lines, Deadline) ->
    case count_reports() > Lines andalso tsugi_report:last() of
        false ->
            case erlang:monotonic_time(millisecond) > Deadline of
                true -> none;
                false -> timer:sleep(50), wait_back(Node, Lines, Deadline)
            end;
        Report -> Report
    end.

%% --- smaller ones -------------------------------------------------------------------------------

commit(_, [], _) ->
    Node = tsugi_remote:require(),
    Vsn = tsugi_remote:call(Node, tsugi_handler, current, []),
    case tsugi_remote:call(Node, tsugi_handler, status, [Vsn]) of
        current ->
            ok = tsugi_remote:call(Node, tsugi_handler, make_permanent, [Vsn]),
            ok = tsugi_remote:call(Node, tsugi_handler, write_view, [#{Vsn => #{committed => true}}]);
        permanent -> ok
    end,
    {ok, #{version => text(Vsn)}, ["Made ", Vsn, " permanent"]}.

reload(_, [], _) ->
    Report = tsugi_remote:call(tsugi_reload, run, []),
    {ok, Report, tsugi_report:render(json(Report))}.

remove(_, [Vsn], _) ->
    ok = tsugi_remote:here_or_there(tsugi_remove, remove, [Vsn]),
    ok = tsugi_remote:here_or_there(tsugi_handler, write_view, []),
    {ok, #{removed => [text(Vsn)]}, ["Removed ", Vsn]}.

prune(_, [], Options) ->
    Keep = case string:to_integer(maps:get("--keep", Options, "5")) of
        {N, []} when N > 0 -> N;
        _ -> tsugi_error:throw('TSUGI_USAGE', #{problem => "--keep: expected a number above 0",
                                                help => [tsugi_layout:bin(), " help prune"]})
    end,
    Gone = tsugi_remote:here_or_there(tsugi_remove, prune, [Keep]),
    ok = tsugi_remote:here_or_there(tsugi_handler, write_view, []),
    {ok, #{keep => Keep, removed => [text(V) || V <- Gone]},
     case Gone of [] -> "Nothing to remove"; _ -> ["Removed ", lists:join(", ", Gone)] end}.

text(Value) -> tsugi_json:text(Value).
