%% Commands that only ask: ping, pid, status, rpc, releases, describe, inventory, version.
-module(tsugi_ask).
-export([ping/3, pid/3, status/3, rpc/3, releases/3, describe/3, inventory/3, version/3, nothing/3]).

ping(_, _, _) ->
    pong = net_adm:ping(tsugi_remote:require()),
    {ok, #{answer => <<"pong">>}, "pong"}.

pid(_, _, _) ->
    case tsugi_remote:vm_pid() of
        none -> tsugi_error:throw('TSUGI_NOT_RUNNING', #{});
        Pid -> {ok, #{pid => Pid}, integer_to_list(Pid)}
    end.

status(Vsn, _, _) ->
    case tsugi_remote:vm_pid() of
        none ->
            Error = {tsugi_error, 'TSUGI_NOT_RUNNING', #{}},
            {exit, 3, #{name => text(tsugi_layout:name()), version => text(Vsn), status => <<"stopped">>,
                        error => tsugi_error:to_map(Error)}, "", Error};
        _ ->
            Status = tsugi_remote:call(tsugi_server, status, []),
            {ok, Status, describe_status(Status)}
    end.

describe_status(#{name := Name, version := Vsn, releaseId := Id, status := Status, since := Since,
                  processes := [#{slots := [Slot]}], etcChanged := Changed, upgrade := Upgrade,
                  leftovers := Leftovers}) ->
    #{pid := Pid, generation := Generation, node := Node, restarts := Restarts, rssBytes := Rss,
      healthy := Healthy} = Slot,
    [io_lib:format("~ts ~ts (~ts), ~ts since ~ts, pid ~p~n", [Name, Vsn, short(Id), Status, Since, Pid]),
     io_lib:format("  generation ~p on ~ts, ~p restarts, ~p MB, ~ts~n",
                   [Generation, Node, Restarts, Rss div 1048576,
                    case Healthy of true -> "ok"; false -> "unhealthy" end]),
     ["etc/ has changed since: " ++ tsugi_layout:name() ++ " reload applies it\n" || Changed],
     [io_lib:format("Upgrade to ~ts under way: ~ts~n", [To, Step]) || #{to := To, step := Step} <- [Upgrade]],
     [["Still there of old: ", L, "\n"] || L <- Leftovers]].

rpc(_, [Expression], _) ->
    case tsugi_remote:call(tsugi_remote_end, evaluate, [Expression]) of
        {ok, Text} -> {ok, #{value => Text}, Text};
        {threw, Text} -> tsugi_error:throw('TSUGI_RPC_THREW', #{problem => Text})
    end.

releases(_, _, _) ->
    ok = case tsugi_remote:running() of
        {_, Node} when is_atom(Node), Node =/= none, Node =/= no_distribution ->
            tsugi_remote:call(Node, tsugi_handler, write_view, []);
        _ -> ok
    end,
    View = case tsugi_handler:view() of
        #{<<"releases">> := _} = Known -> Known;
        _ -> #{format => 1, name => text(tsugi_layout:name()), <<"releases">> =>
                   [#{<<"version">> => text(V), <<"status">> => <<"unpacked">>, <<"since">> => <<>>,
                      <<"releaseId">> => tsugi_manifest:id(V), <<"verified">> => false}
                    || V <- tsugi_layout:versions()]}
    end,
    {ok, View, [io_lib:format("~-16ts ~-10ts ~-25ts ~ts~n", [V, S, At, short(Id)])
                || #{<<"version">> := V, <<"status">> := S, <<"since">> := At, <<"releaseId">> := Id}
                       <- maps:get(<<"releases">>, View)]}.

describe(Vsn0, Arguments, _) ->
    Vsn = case Arguments of [] -> Vsn0; [V] -> V end,
    #{<<"files">> := Files, id := Id} = Manifest = tsugi_manifest:read(Vsn),
    Bytes = lists:sum([Size || #{<<"size">> := Size} <- Files]),
    Entry = case [E || #{<<"version">> := V1} = E <- maps:get(<<"releases">>, tsugi_handler:view(), []),
                       V1 =:= text(Vsn)] of
        [E] -> E;
        [] -> #{<<"status">> => <<"unpacked">>, <<"since">> => <<>>}
    end,
    Value = maps:merge((maps:without([<<"files">>, id], Manifest))#{
        <<"releaseId">> => Id, <<"files">> => length(Files), <<"bytes">> => Bytes,
        <<"signed">> => filelib:is_regular(tsugi_layout:release(Vsn, "release.json.sig"))}, Entry),
    #{<<"name">> := Name, <<"runtime">> := #{<<"version">> := Otp, <<"platform">> := Platform}} = Manifest,
    {ok, Value, [io_lib:format("release  ~ts ~ts~nid       ~ts~nstatus   ~ts~n", [Name, Vsn, Id, maps:get(<<"status">>, Entry)]),
                 io_lib:format("runtime  OTP ~ts for ~ts~ncontent  ~p files, ~p KB~n", [Otp, Platform, length(Files), Bytes div 1024])]}.

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
           releases => maps:get(<<"releases">>, tsugi_handler:view(), []), folders => Listed},
     [io_lib:format("~-30ts ~6b ~12b~n", [F, N, B]) || #{folder := F, fileCount := N, bytes := B} <- Listed]}.

platform([#{<<"runtime">> := #{<<"platform">> := Platform}} | _]) -> Platform;
platform([]) -> <<>>.

unit(Path) ->
    case binary:split(Path, <<"/">>, [global]) of
        [<<"lib">>, Lib | _] -> <<"lib/", Lib/binary>>;
        [<<"erts-", _/binary>> = Erts | _] -> Erts;
        _ -> none
    end.

version(Vsn0, _, _) ->
    Vsn = case tsugi_remote:running() of
        {_, Node} when is_atom(Node), Node =/= none, Node =/= no_distribution ->
            tsugi_remote:call(Node, tsugi_handler, current, []);
        _ -> Vsn0
    end,
    {ok, Tsugi} = tsugi_version(),
    Otp = erlang:system_info(otp_release),
    {ok, #{name => text(tsugi_layout:name()), version => text(Vsn), tsugi => text(Tsugi), otp => text(Otp)},
     io_lib:format("~ts ~ts, tsugi ~ts, OTP ~ts", [tsugi_layout:name(), Vsn, Tsugi, Otp])}.

tsugi_version() ->
    case filename:basename(filename:dirname(tsugi_layout:tsugi_priv())) of
        "tsugi-" ++ V -> {ok, V};
        Other -> {ok, Other}
    end.

%% console and logs are sh's: they never come this far.
nothing(_, _, _) -> {ok, #{}, ""}.

short(Id) when is_binary(Id), byte_size(Id) > 12 -> binary:part(Id, 0, 12);
short(_) -> <<>>.

text(Value) -> tsugi_json:text(Value).
