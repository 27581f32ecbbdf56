%% Commands that only ask: ping, pid, status, rpc, releases, describe, inventory, version; and what
%% console and logs need before sh takes them over.
-module(tsugi_ask).
-export([ping/3, pid/3, status/3, rpc/3, releases/3, describe/3, inventory/3, version/3, console/3, logs/3,
         require_version/0, stopped/0, remarks/1]).

ping(_, _, _) ->
    pong = net_adm:ping(tsugi_remote:require()),
    {ok, #{answer => <<"pong">>}, "pong"}.

pid(_, _, _) ->
    case tsugi_remote:vm_pid() of
        none -> tsugi_error:throw('TSUGI_NOT_RUNNING', #{});
        Pid -> {ok, #{pid => Pid}, integer_to_list(Pid)}
    end.

status(_, _, #{"-w" := true} = Options) -> tsugi_watch:watch(Options);
status(_, _, _) ->
    case tsugi_remote:vm_pid() of
        none ->
            Stopped = stopped(),
            Text = case Stopped of #{lastEnd := End} -> tsugi_last_end:describe(End); _ -> "" end,
            {exit, 3, Stopped, Text, {tsugi_error, 'TSUGI_NOT_RUNNING', #{}}};
        _ ->
            Status = tsugi_remote:call(tsugi_server, status, []),
            {ok, Status, describe_status(Status)}
    end.

stopped() ->
    Stopped = #{name => text(tsugi_layout:name()), version => text_or_null(tsugi_handler:permanent_on_disk()),
                status => <<"stopped">>, error => tsugi_error:to_map({tsugi_error, 'TSUGI_NOT_RUNNING', #{}})},
    case tsugi_last_end:find() of none -> Stopped; End -> Stopped#{lastEnd => End} end.

describe_status(#{name := Name, version := Vsn, releaseId := Id, status := Status, since := Since,
                  processes := [#{name := Process, slots := [Slot]}]} = All) ->
    #{pid := Pid, generation := Generation, node := Node, restarts := Restarts, rssBytes := Rss,
      healthy := Healthy} = Slot,
    Row = [Process, "0", integer_to_list(Pid), integer_to_list(Generation), Node, integer_to_list(Restarts),
           tsugi_text:bytes(Rss), case Healthy of true -> "ok"; false -> "unhealthy" end],
    Heads = ["process", "slot", "pid", "generation", "node", "restarts", "memory", "health"],
    [io_lib:format("~ts ~ts (~ts), ~ts since ~ts, pid ~p~n", [Name, Vsn, short(Id), Status, Since, Pid]),
     tsugi_text:table([Heads, Row]), remarks(All)].

%% What somebody should know beside that: a line each.
remarks(#{etcChanged := Changed, upgrade := Upgrade, leftovers := Leftovers, logDropped := Dropped}) ->
    [[io_lib:format("\nUpgrade to ~ts under way: ~ts", [To, Step]) || #{to := To, step := Step} <- [Upgrade]],
     ["\netc/ has changed since: bin/" ++ tsugi_layout:name() ++ " reload applies it" || Changed],
     [["\nStill running of old: ", lists:join(", ", Leftovers)] || Leftovers =/= []],
     [["\n", tsugi_text:count(Dropped, "log line"), " lost"] || Dropped > 0]].

rpc(_, [Expression], Options) ->
    Node = tsugi_remote:require(),
    check_slot(Options),
    case tsugi_remote:call(Node, tsugi_remote_end, evaluate, [Expression, []]) of
        {ok, Text, _} -> {ok, #{value => Text}, Text};
        {threw, Text} -> tsugi_error:throw('TSUGI_RPC_THREW', #{problem => Text})
    end.

%% A BEAM release has one process, and that one slot.
check_slot(Options) ->
    case {maps:get("--process", Options, "main"), maps:get("--slot", Options, 0)} of
        {"main", 0} -> ok;
        {Process, Slot} -> tsugi_error:throw('TSUGI_NO_SUCH_WORKER', #{process => Process, slot => Slot})
    end.

%% sh goes on with these two, when all is well.
console(_, [], Options) ->
    Node = tsugi_remote:require(),
    check_slot(Options),
    os:getenv("TSUGI_TERMINAL") =:= "1" orelse read_and_evaluate(Node, []),
    {ok, #{}, ""}.

%% Without a terminal neither IEx nor Erlang's shell reaches another node: line by line, then.
read_and_evaluate(Node, Bindings) ->
    case io:get_line("") of
        eof -> ok;
        {error, _} -> ok;
        Line ->
            case tsugi_remote:call(Node, tsugi_remote_end, evaluate, [string:trim(Line), Bindings]) of
                {ok, Text, Bound} -> tsugi_cli:print([Text, "\n"]), read_and_evaluate(Node, Bound);
                {threw, Text} -> tsugi_cli:print([Text, "\n"]), read_and_evaluate(Node, Bindings)
            end
    end.

logs(_, [], Options) ->
    Path = tsugi_layout:at(["log", tsugi_layout:name() ++ ".log"]),
    filelib:is_regular(Path) orelse maps:is_key("-f", Options) orelse
        tsugi_error:throw('TSUGI_NO_LOG', #{path => Path}),
    {ok, #{}, ""}.

releases(_, _, _) ->
    View = view(),
    Rows = [[V, S, At, short(Id), case Verified of true -> ""; false -> "not verified yet" end]
            || #{<<"version">> := V, <<"status">> := S, <<"since">> := At, <<"releaseId">> := Id,
                 <<"verified">> := Verified} <- maps:get(<<"releases">>, View)],
    {ok, View, tsugi_text:table([["version", "status", "since", "id", ""] | Rows])}.

%% RELEASES.json as it is now; a root that was never started has what `tar x` has put there.
view() ->
    ok = case tsugi_remote:running() of
        {_, Node} when is_atom(Node), Node =/= none, Node =/= no_distribution ->
            tsugi_remote:call(Node, tsugi_handler, write_view, []);
        _ -> ok
    end,
    case tsugi_handler:view() of
        #{<<"releases">> := _} = Known -> Known;
        _ -> #{<<"format">> => 1, <<"name">> => text(tsugi_layout:name()), <<"releases">> =>
                   [#{<<"version">> => text(V), <<"status">> => <<"unpacked">>, <<"since">> => <<>>,
                      <<"releaseId">> => tsugi_manifest:id(V), <<"verified">> => false}
                    || V <- lists:sort(tsugi_layout:versions())]}
    end.

describe(_, Arguments, _) ->
    Vsn = case Arguments of [] -> require_version(); [V] -> V end,
    #{<<"files">> := Files} = Manifest = tsugi_manifest:read(Vsn),
    Entry = case [E || #{<<"version">> := V1} = E <- maps:get(<<"releases">>, view()), V1 =:= text(Vsn)] of
        [E] -> E;
        [] -> #{<<"status">> => <<"unpacked">>, <<"since">> => <<>>, <<"verified">> => false}
    end,
    Facts = #{<<"files">> => length(Files), <<"bytes">> => lists:sum([Size || #{<<"size">> := Size} <- Files]),
              <<"releaseId">> => maps:get(id, Manifest),
              <<"signed">> => filelib:is_regular(tsugi_layout:release(Vsn, "release.json.sig")),
              <<"upgrades">> => [R || #{<<"from">> := From, <<"to">> := To} = R <- tsugi_report:all(),
                                      lists:member(text(Vsn), [From, To])]},
    Value = maps:merge(maps:merge(maps:remove(id, Manifest), Entry), Facts),
    {ok, Value, tsugi_text:table(described(Value))}.

described(#{<<"name">> := Name, <<"version">> := Vsn, <<"releaseId">> := Id, <<"status">> := Status,
            <<"since">> := Since, <<"verified">> := Verified, <<"signed">> := Signed,
            <<"runtime">> := #{<<"version">> := Otp, <<"platform">> := Platform},
            <<"tsugi">> := #{<<"version">> := Tsugi}, <<"build">> := Build, <<"files">> := Files,
            <<"bytes">> := Bytes, <<"processes">> := Processes, <<"upgrades">> := Upgrades}) ->
    Trust = [case Verified of true -> "verified"; false -> "not verified yet" end, ", ",
             case Signed of true -> "signed"; false -> "not signed" end],
    Last = lists:nthtail(max(0, length(Upgrades) - 5), Upgrades),
    [["release", [Name, " ", Vsn]], ["id", Id], ["status", [Status, " since ", Since]], ["trust", Trust],
     ["runtime", ["OTP ", Otp, " for ", Platform]], ["tsugi", Tsugi], ["build", Build],
     ["content", [tsugi_text:count(Files, "file"), ", ", tsugi_text:bytes(Bytes)]]]
        ++ [["process", [P, " ", Entry, " × 1"]] || #{<<"name">> := P, <<"entry">> := Entry} <- Processes]
        ++ [["state", "what its processes hold; stop names them"]]
        ++ [["upgrade", [At, "  ", From, " → ", To, " by ", Strategy, ": ", Result]]
            || #{<<"at">> := At, <<"from">> := From, <<"to">> := To, <<"strategy">> := Strategy,
                 <<"result">> := Result} <- Last].

%% The one that runs, or would.
require_version() ->
    case tsugi_remote:running_version() of
        undefined -> tsugi_error:throw('TSUGI_NO_PERMANENT', #{problem => "nothing was ever started"});
        Vsn -> Vsn
    end.

inventory(_, _, Options) ->
    Manifests = [tsugi_manifest:read(V) || V <- tsugi_layout:versions()],
    Files = lists:usort([{unit(Path), Path, maps:with([<<"path">>, <<"size">>, <<"sha256">>, <<"mode">>, <<"link">>], F)}
                         || #{<<"files">> := Fs} <- Manifests, #{<<"path">> := Path} = F <- Fs]),
    Folders = lists:usort([Unit || {Unit, _, _} <- Files, Unit =/= none]),
    Listed = [begin
                  Mine = [F || {Unit, _, F} <- Files, Unit =:= Folder],
                  Base = #{folder => Folder, fileCount => length(Mine),
                           bytes => lists:sum([maps:get(<<"size">>, F) || F <- Mine])},
                  case Options of #{"--files" := true} -> Base#{files => Mine}; _ -> Base end
              end || Folder <- Folders],
    {ok, #{format => 1, name => text(tsugi_layout:name()), platform => platform(Manifests),
           releases => maps:get(<<"releases">>, view()), folders => Listed},
     tsugi_text:table([["folder", "files", "bytes"] |
                       [[F, integer_to_list(N), integer_to_list(B)]
                        || #{folder := F, fileCount := N, bytes := B} <- Listed]])}.

platform([#{<<"runtime">> := #{<<"platform">> := Platform}} | _]) -> Platform;
platform([]) -> <<>>.

unit(Path) ->
    case binary:split(Path, <<"/">>, [global]) of
        [<<"lib">>, Lib | _] -> <<"lib/", Lib/binary>>;
        [<<"erts-", _/binary>> = Erts | _] -> Erts;
        _ -> none
    end.

version(_, _, _) ->
    Vsn = tsugi_remote:running_version(),
    {ok, Tsugi} = tsugi_version(),
    Otp = erlang:system_info(otp_release),
    {ok, #{name => text(tsugi_layout:name()), version => text_or_null(Vsn), tsugi => text(Tsugi), otp => text(Otp)},
     io_lib:format("~ts ~ts, tsugi ~ts, OTP ~ts",
                   [tsugi_layout:name(), case Vsn of undefined -> "(never started)"; _ -> Vsn end, Tsugi, Otp])}.

tsugi_version() ->
    case filename:basename(filename:dirname(tsugi_layout:tsugi_priv())) of
        "tsugi-" ++ V -> {ok, V};
        Other -> {ok, Other}
    end.

short(Id) when is_binary(Id), byte_size(Id) > 12 -> binary:part(Id, 0, 12);
short(_) -> <<>>.

text(Value) -> tsugi_json:text(Value).

text_or_null(undefined) -> null;
text_or_null(Value) -> text(Value).
