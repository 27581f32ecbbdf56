%% Commands that change which release runs. The work is done in the node, which goes on when this
%% program is gone; it shows how it goes and says how it ended.
-module(tsugi_change).
-export([unpack/3, plan/3, check/3, install/3, upgrade/3, downgrade/3, rollback/3, commit/3, reload/3,
         remove/3, prune/3, unpack_here/2]).

unpack(_, [Asked], Options) ->
    #{version := Vsn, already := Already} = unpack_named(Asked, Options),
    {ok, #{version => text(Vsn), releaseId => tsugi_manifest:id(Vsn), already => Already},
     [Vsn, case Already of true -> " was here already"; false -> " is unpacked" end]}.

%% Prints what exrm's users know: not found, unpacking; unpacked.
unpack_named(Asked, Options) ->
    IsPath = is_path(Asked),
    refuse_missing(Asked),
    IsNews = IsPath orelse filelib:is_regular(tsugi_layout:tarball(Asked)),
    if
        IsPath -> tsugi_cli:note("Unpacking ~ts", [Asked]);
        IsNews -> tsugi_cli:note("Release ~ts not found, unpacking releases/~ts/~ts.tar.gz", [Asked, Asked, tsugi_layout:name()]);
        true -> ok
    end,
    {#{version := Vsn, already := Already} = Unpacked, Ms} = tsugi_time:measure(fun() ->
        Force = maps:is_key("--force", Options),
        %% What replaces a release may not count on the folders that go with it.
        Which = case Force of true -> all; false -> lacking end,
        tsugi_store:with_tarball(Asked, Which, fun(Found) ->
            tsugi_remote:here_or_there(?MODULE, unpack_here, [absolute(Found), Force])
        end)
    end),
    if
        not IsNews -> ok;
        Already -> tsugi_cli:note("Release ~ts is unpacked already", [Vsn]);
        true ->
            Id = binary:part(tsugi_manifest:id(Vsn), 0, 12),
            tsugi_cli:note("Unpacked ~ts (~ts, ~ts)", [Vsn, Id, tsugi_text:ms(Ms)])
    end,
    Unpacked.

refuse_missing(Asked) ->
    is_path(Asked) andalso not filelib:is_file(absolute(Asked)) andalso not tsugi_store:is_stored(Asked) andalso
        tsugi_error:throw('TSUGI_UNPACK_REFUSED', #{source => Asked, problem => ["there is no ", absolute(Asked)]}),
    ok.

%% Two of one file at once would be in each other's way: the second finds it here.
unpack_here(Asked, Force) -> global:trans({?MODULE, self()}, fun() -> unpack_in_turn(Asked, Force) end, [node()]).

unpack_in_turn(Asked, Force) ->
    tsugi_exposure:refuse(),
    tsugi_handler:settle_permanent(),
    Unpacked = #{version := Vsn} = tsugi_unpack:unpack(Asked, #{force => Force}),
    _ = tsugi_handler:permanent() =:= undefined orelse tsugi_handler:status(Vsn) =/= undefined
        orelse tsugi_handler:set_unpacked(Vsn),
    tsugi_handler:write_view(case Unpacked of #{already := false} -> #{Vsn => #{verified => true}}; _ -> #{} end),
    Unpacked.

%% `0.0.2` is a version; `./0.0.2`, `/tmp/x`, `x.tar.gz` and `store#0.0.2` are paths.
is_path(Asked) ->
    lists:member($/, Asked) orelse lists:member($#, Asked) orelse lists:member(Asked, [".", ".."])
        orelse lists:any(fun(Ending) -> lists:suffix(Ending, Asked) end, [".tar.gz", ".tgz", ".tar"]).

%% A path is the caller's; the node has another working directory.
absolute(Asked) ->
    case is_path(Asked) of
        true -> filename:absname(Asked);
        false -> Asked
    end.

%% Reads the disk only, so it needs no node; what lies in a tarball is looked at and put away again.
plan(_, [Asked], Options) ->
    refuse_missing(Asked),
    From = case Options of
        #{"--from" := Vsn} -> Vsn;
        _ -> tsugi_ask:require_version()
    end,
    Plan = tsugi_store:with_tarball(Asked, all, fun(Found) ->
        tsugi_unpack:peek(absolute(Found), fun(To, Root) -> plan(From, To, Root, Options) end)
    end),
    {ok, Plan, [tsugi_show:plan(Plan),
                ["\nThis is what the two manifests say: etc/ was not compared." || tsugi_remote:vm_pid() =:= none]]}.

plan(Vsn, Vsn, _, _) ->
    #{from => text(Vsn), to => text(Vsn), strategy => <<"none">>, reasons => [<<"nothing differs">>],
      differences => [], steps => [], instructions => [], obstacles => []};
plan(From, To, Root, Options) ->
    #{strategy := Strategy, reasons := Reasons, apps := Apps} = Plan =
        tsugi_plan:make(From, To, #{force => maps:is_key("--force", Options), root => Root}),
    Script = case Strategy of swap -> tsugi_relup:script(Plan); restart -> [] end,
    Closures = closures(tsugi_script:loads(Script) ++ tsugi_script:removes(Script)),
    %% The paths in a relup are those of a release that is unpacked.
    Shown = fun(I) -> string:replace(io_lib:format("~0tp", [I]), Root, tsugi_layout:root(), all) end,
    #{from => text(From), to => text(To), strategy => atom_to_binary(Strategy),
      reasons => [text(R) || R <- Reasons] ++ tsugi_funs:texts(Closures),
      differences => [#{component => text(App), from => vsn(from, Move), to => vsn(to, Move),
                        why => text(tsugi_plan:why(Move))} || #{app := App} = Move <- Apps],
      steps => tsugi_upgrade:steps(Plan), instructions => [text(Shown(I)) || I <- Script], obstacles => []}.

%% Functions that the running node keeps as values; none where nobody can be asked.
closures(Modules) ->
    try tsugi_remote:running() of
        {_, Node} when Node =/= none, Node =/= no_distribution -> tsugi_remote:call(Node, tsugi_funs, found, [Modules]);
        _ -> []
    catch throw:{tsugi_error, _, _} -> []
    end.

vsn(Side, Move) -> case Move of #{Side := #{vsn := V}} -> text(V); _ -> <<"-">> end.

%% --- upgrades -----------------------------------------------------------------------------------

check(_, [Asked], Options) ->
    tsugi_exposure:refuse(),
    change(Asked, check, #{}, Options).
install(_, [Asked], Options) -> change(Asked, install, #{}, Options).
upgrade(_, [Asked], Options) -> change(Asked, upgrade, #{}, Options).

%% To a version that was permanent; the newer code, which runs, carries the state back.
downgrade(_, [Asked], Options) ->
    _ = tsugi_remote:require(),
    _ = tsugi_manifest:read(Asked),
    Committed = [V || #{<<"version">> := V, <<"committed">> := _} <- maps:get(<<"releases">>, tsugi_handler:view(), [])],
    lists:member(text(Asked), Committed) orelse tsugi_error:throw('TSUGI_NEVER_INSTALLED', #{version => Asked}),
    change(Asked, upgrade, #{relup => down, direction => downgrade}, Options).

%% What was installed and not committed is given up; else the one that was permanent before.
rollback(_, [], Options) ->
    Node = tsugi_remote:require(),
    Current = tsugi_remote:call(Node, tsugi_handler, current, []),
    Permanent = tsugi_remote:call(Node, tsugi_handler, permanent, []),
    {Goal, To} = case Permanent of
        Current -> {upgrade, previous(Current)};
        _ -> {give_up, Permanent}
    end,
    change(To, Goal, #{direction => rollback}, Options).

previous(Current) ->
    case tsugi_handler:ways_back() of
        [Vsn | _] -> Vsn;
        [] -> tsugi_error:throw('TSUGI_NOTHING_TO_ROLL_BACK_TO', #{version => Current})
    end.

change(Asked, Goal, Words, Options) ->
    Node = tsugi_remote:require(),
    refuse_if_ephemeral(Options),
    #{version := Vsn} = unpack_named(Asked, Options),
    refuse_bad_settings(Vsn),
    [tsugi_cli:note(["! ", Note]) || Goal =/= check, Goal =/= give_up, Note <- tsugi_health:probation_note(Vsn)],
    tsugi_cli:note("Config generated from releases/~ts and etc/", [Vsn]),
    Request = #{asked => Vsn, goal => Goal, vm => tsugi_remote:vm_pid(),
                reports => count_reports(), direction => maps:get(relup, Words, auto),
                words => #{direction => maps:get(direction, Words, upgrade), checkOnly => Goal =:= check},
                options => #{force => maps:is_key("--force", Options),
                             allowRestart => maps:is_key("--allow-restart", Options),
                             rehearse => list_to_binary(maps:get("--rehearse", Options))}},
    case tsugi_remote:call(Node, tsugi_server, upgrade, [Request, self()]) of
        ok -> follow(Node, Request);
        {under_way, Other} -> tsugi_error:throw('TSUGI_UPGRADE_UNDER_WAY', #{version => Other})
    end.

%% Settings that can't be read are a refusal: the node would find the same, later.
refuse_bad_settings(Vsn) ->
    tsugi_settings:check(Vsn),
    tsugi_unknown:warn().

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
        {tsugi_result, Result} -> ended(Request, Result);
        {nodedown, Node} -> went_down(Request)
    end.

show({step, _, 'begin', _}) -> ok;
show({step, Name, 'end', Ms}) ->
    tsugi_cli:note("  ~-11ts ~7ts  ~ts", [Name, tsugi_text:ms(Ms), reached(Name)]).

%% What has been reached, in the words of contract/steps.ts.
reached(Name) ->
    {ok, Json} = file:read_file(filename:join(tsugi_layout:tsugi_priv(), "steps.json")),
    Key = atom_to_binary(Name),
    case tsugi_json:decode(Json) of
        #{Key := #{<<"beam">> := Text}} -> Text;
        _ -> ""
    end.

ended(#{goal := install, asked := Vsn}, {done, #{strategy := Strategy}, _}) when Strategy =/= <<"none">> ->
    {ok, #{version => text(Vsn), status => <<"current">>},
     ["Installed ", Vsn, "; it is current, not permanent: commit keeps it, rollback gives it up"]};
ended(#{words := Words} = Request, {done, Report, _}) ->
    {ok, Report, [tsugi_show:report(json(Report), Words), named_view(Request)]};
ended(Request, {failed, {tsugi_error, 'TSUGI_CODE_CHANGE_CRASHED', _}, _}) ->
    went_down(Request);
ended(_, {failed, Error, Report}) when not is_map_key(result, Report) -> erlang:throw(Error);
ended(#{words := Words}, {failed, Error, Report}) ->
    Exit = exit_code(maps:get(result, Report)),
    {exit, Exit, Report, tsugi_show:report(json(Report), Words), tsugi_error:with_exit(Error, Exit)};
ended(Request, {restart, _, _}) ->
    tsugi_cli:note("  restart: the old VM stops, the new one goes on"),
    went_down(Request).

%% What became of the system decides the exit code, whatever the fault was.
exit_code(<<"refused">>) -> 4;
exit_code(<<"thawed">>) -> 4;
exit_code(<<"handed-back">>) -> 5;
exit_code(_) -> 1.

json(Report) -> tsugi_json:decode(tsugi_json:encode(Report)).

%% After the first one.
named_view(#{reports := 0, goal := Goal}) when Goal =/= check ->
    ["\nHow that went, as a page, where tsugi is:\n  tsugi view ", tsugi_layout:root()];
named_view(_) -> "".

%% The node restarts; when it is back it has the report of what happened.
went_down(#{words := Words, asked := Asked, vm := Vm, reports := Lines}) ->
    tsugi_cli:note("  the node went down; waiting for it"),
    Report = wait_back(Vm, Lines, erlang:monotonic_time(millisecond) + 90000),
    case Report of
        none -> tsugi_error:throw('TSUGI_NODE_UNREACHABLE', #{pid => 0, problem => "it did not come back"});
        silent ->
            Error = {tsugi_error, 'TSUGI_CODE_CHANGE_CRASHED',
                     #{version => Asked, previous => tsugi_remote:running_version(),
                       problem => "the node went down before it had begun"}},
            erlang:throw(tsugi_error:with_exit(Error, 5));
        #{<<"result">> := Result, <<"error">> := #{<<"code">> := Code} = E} ->
            Details = maps:from_list([{binary_to_atom(K), V} || {K, V} <- maps:to_list(maps:get(<<"details">>, E, #{}))]),
            {exit, exit_code(Result), Report, tsugi_show:report(Report, Words), {tsugi_error, binary_to_atom(Code), Details}};
        _ -> {ok, Report, tsugi_show:report(Report, Words)}
    end.

count_reports() ->
    case file:read_file(tsugi_layout:at(["log", "upgrades.jsonl"])) of
        {ok, Bytes} -> length(binary:matches(Bytes, <<"\n">>));
        _ -> 0
    end.

%% A node that is back reports what it finds in its journal; one that finds nothing there has no report.
%% What comes after an upgrade may take its time there.
wait_back(Vm, Lines, Deadline) ->
    Life = life(Vm),
    IsOver = erlang:monotonic_time(millisecond) > Deadline,
    case count_reports() > Lines andalso tsugi_report:last() of
        false when Life =:= over -> silent;
        false when Life =:= gone, IsOver -> none;
        false -> timer:sleep(50), wait_back(Vm, Lines, Deadline);
        Report -> Report
    end.

%% Of the VM that comes after it: gone, until it has started; busy; over, once it is done with its journal.
life(Vm) ->
    case tsugi_remote:vm_pid() of
        Pid when Pid =:= Vm; Pid =:= none -> gone;
        _ ->
            case tsugi_remote:node_or_none() of
                Node when Node =:= none; Node =:= no_distribution -> gone;
                Node ->
                    case {rpc:call(Node, tsugi_boot, is_over, []), rpc:call(Node, init, get_status, [])} of
                        {true, _} -> over;
                        {false, {started, _}} -> busy;
                        _ -> gone
                    end
            end
    end.

%% --- smaller ones -------------------------------------------------------------------------------

commit(_, [], _) ->
    Node = tsugi_remote:require(),
    {done, #{to := Vsn} = Report, _} = tsugi_remote:call(Node, tsugi_upgrade, commit_installed, [self()]),
    ok = tsugi_remote:call(Node, tsugi_renew, run, []),
    drain_steps(),
    {ok, Report#{version => Vsn}, ["Made ", Vsn, " permanent"]}.

drain_steps() -> receive {tsugi_event, Event} -> show(Event), drain_steps() after 0 -> ok end.

reload(_, [], _) ->
    Node = tsugi_remote:require(),
    refuse_bad_settings(tsugi_remote:call(Node, tsugi_handler, current, [])),
    Report = tsugi_remote:call(Node, tsugi_reload, run, []),
    {ok, Report, tsugi_show:report(json(Report), #{direction => reload})}.

remove(_, [Vsn], _) ->
    Before = tsugi_handler:ways_back(),
    ok = tsugi_remote:here_or_there(tsugi_remove, remove, [Vsn]),
    ok = tsugi_remote:here_or_there(tsugi_handler, write_view, []),
    _ = Before =:= [Vsn] andalso tsugi_cli:note("Nothing is left to roll back to: ~ts was the only one", [Vsn]),
    {ok, #{removed => [text(Vsn)]}, ["Removed ", Vsn]}.

prune(_, [], #{"--keep" := Keep}) ->
    Gone = tsugi_remote:here_or_there(tsugi_remove, prune, [Keep]),
    ok = tsugi_remote:here_or_there(tsugi_handler, write_view, []),
    {ok, #{keep => Keep, removed => [text(V) || V <- Gone]},
     [case Gone of [] -> "Nothing to remove"; _ -> ["Removed ", lists:join(", ", Gone)] end,
      "; ", stay(length(tsugi_layout:versions()), Keep)]}.

%% What no prune takes makes them more than was asked for.
stay(1, _) -> "1 release stays";
stay(Stay, Keep) ->
    [tsugi_text:count(Stay, "release"), " stay",
     [": what runs, and what a rollback goes to, always do" || Stay > Keep]].

text(Value) -> tsugi_json:text(Value).
