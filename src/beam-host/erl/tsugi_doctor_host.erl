%% `doctor`: what is around the root. Each check answers {Note, [{Problem, Remedy}]}; its argument is when the
%% time is over.
-module(tsugi_doctor_host).
-export([space/1, ports/1, clock/1, processes/1]).

-include_lib("kernel/include/file.hrl").

-define(LEAST_BYTES, (64 bsl 20)).
-define(LEAST_FILES, 1000).
-define(SKEW_S, 60).

%% --- space --------------------------------------------------------------------------------------

space(_) ->
    Manifests = manifests(),
    Needed = lists:max([?LEAST_BYTES | [bytes(Files) || #{<<"files">> := Files} <- Manifests]]),
    NeededFiles = lists:max([?LEAST_FILES | [length(Files) || #{<<"files">> := Files} <- Manifests]]),
    Root = tsugi_layout:root(),
    Disks = [{Folder, Disk} || Folder <- [Root, tsugi_layout:at(["log"]), tsugi_layout:at(["var"])], Disk <- disk(Folder)],
    Distinct = lists:ukeysort(2, [{Folder, Mount, Free, Left} || {Folder, {Mount, Free, Left}} <- Disks]),
    Note = case Disks of [{Root, {_, Free0, _}} | _] -> [tsugi_text:bytes(Free0), " free"]; _ -> "" end,
    {Note, lists:append([room(Folder, Free, Left, Root, Needed, NeededFiles) || {Folder, _, Free, Left} <- Distinct])}.

bytes(Files) -> lists:sum([Size || #{<<"size">> := Size} <- Files]).

manifests() ->
    lists:append([try [tsugi_manifest:read(Vsn)] catch throw:_ -> [] end || Vsn <- tsugi_layout:versions()]).

room(Folder, Free, Left, Root, Needed0, NeededFiles0) ->
    {Needed, NeededFiles, Remedy} = case Folder of
        Root -> {Needed0, NeededFiles0, tsugi_remove:room()};
        _ -> {?LEAST_BYTES, ?LEAST_FILES, ["du -ah ", Folder, " | sort -h | tail"]}
    end,
    [{[Folder, " has ", tsugi_text:bytes(Free), " free; ", tsugi_text:bytes(Needed), " should be."], Remedy} || Free < Needed]
        ++ [{[Folder, " has room for ", integer_to_list(Left), " more files only."], Remedy} || Left < NeededFiles].

%% [{Mounted, Bytes, Files}]; some file systems count no files.
disk(Folder) ->
    {_, Output} = tsugi_os:command(["-c", "df -Pk \"$1\" | tail -n 1; df -Pi \"$1\" 2>/dev/null | tail -n 1", "sh", Folder]),
    case [string:lexemes(Line, " ") || Line <- string:lexemes(Output, "\n")] of
        [[_, _, _, Kb, _, Mount | _] | Rest] ->
            Left = case Rest of
                [[_, All, _, Free | _]] when All =/= "0", All =/= "-" -> list_to_integer(Free);
                _ -> ?LEAST_FILES * 1000
            end,
            [{Mount, list_to_integer(Kb) * 1024, Left}];
        _ -> []
    end.

%% --- ports --------------------------------------------------------------------------------------

ports(_) ->
    case tsugi_remote:vm_pid() of
        none ->
            Known = known_ports(),
            Note = case Known of
                [] -> "none is known before it runs";
                _ -> lists:join(", ", [integer_to_list(Port) || {Port, _} <- Known])
            end,
            {Note, lists:append([port_findings(Port, Source) || {Port, Source} <- Known])};
        _ -> {"its own, while it runs", []}
    end.

known_ports() ->
    {Env, _} = tsugi_env:parse_etc(),
    Health = try tsugi_settings:get(current(), [<<"health">>, <<"port">>]) catch _:_ -> null end,
    Said = [{Health, "health.port"}, {element(1, string:to_integer(proplists:get_value("PORT", Env, ""))), "PORT in etc/env"}],
    lists:ukeysort(1, [Known || {Port, _} = Known <- Said, is_integer(Port), Port > 0, Port < 65536]).

current() -> case tsugi_handler:permanent_on_disk() of undefined -> ""; Vsn -> Vsn end.

%% By opening it for a moment.
port_findings(Port, Source) ->
    case gen_tcp:listen(Port, [{reuseaddr, true}]) of
        {ok, Socket} -> gen_tcp:close(Socket), [];
        {error, eacces} ->
            [{io_lib:format("Port ~b (~ts) may not be opened by this user.", [Port, Source]),
              "Let a unit have it (AmbientCapabilities=CAP_NET_BIND_SERVICE), or take one above 1023"}];
        {error, eaddrinuse} ->
            [{io_lib:format("Port ~b (~ts) is taken.", [Port, Source]), io_lib:format("ss -ltnp sport = :~b", [Port])}];
        {error, Reason} ->
            [{io_lib:format("Port ~b (~ts) can't be opened: ~tp.", [Port, Source, Reason]),
              io_lib:format("ss -ltnp sport = :~b", [Port])}]
    end.

%% --- clock --------------------------------------------------------------------------------------

clock(_) ->
    Now = erlang:system_time(second),
    Files = [tsugi_layout:at(["releases", "start_erl.data"]), tsugi_layout:at(["log", tsugi_layout:name() ++ ".log"]),
             tsugi_layout:at(["log", "upgrades.jsonl"])],
    Moments = [{Mtime, File} || File <- Files,
                                {ok, #file_info{mtime = Mtime}} <- [file:read_file_info(File, [{time, posix}])]]
        ++ [{since(Since), ["the status of ", Vsn]}
            || #{<<"version">> := Vsn, <<"since">> := Since} <- maps:get(<<"releases">>, tsugi_handler:view(), [])],
    case lists:reverse(lists:keysort(1, Moments)) of
        [{At, What} | _] when At > Now + ?SKEW_S ->
            {"", [{["The clock says ", iso(Now), ", but ", What, " is of ", iso(At), "."], "timedatectl set-ntp true"}]};
        _ -> {iso(Now), []}
    end.

since(Text) -> try calendar:rfc3339_to_system_time(unicode:characters_to_list(Text)) catch _:_ -> 0 end.

iso(Seconds) -> calendar:system_time_to_rfc3339(Seconds, [{offset, "Z"}]).

%% --- processes ----------------------------------------------------------------------------------

processes(_) ->
    case tsugi_remote:vm_pid() of
        none -> {"nothing runs", gave_up() ++ killed() ++ orphans(none)};
        Pid -> {["pid ", integer_to_list(Pid)], unwell() ++ orphans(Pid)}
    end.

gave_up() ->
    case filelib:is_regular(tsugi_layout:at(["run", "gave-up"])) of
        true -> [{"It ended by itself, and too often to be started again.",
                  [tsugi_layout:bin(), " logs · ", tsugi_layout:bin(), " start"]}];
        false -> []
    end.

killed() ->
    case tsugi_last_end:find() of
        none -> [];
        #{version := Vsn, code := Code, message := Message} ->
            [{[Vsn, " ended, ", Code, ": ", Message], [tsugi_layout:bin(), " start"]}]
    end.

unwell() ->
    case tsugi_remote:running() of
        {_, no_distribution} -> [];
        _ ->
            try tsugi_remote:call(tsugi_server, status, []) of
                #{processes := Processes} ->
                    [{[Name, " is unhealthy."], [tsugi_layout:bin(), " logs"]}
                     || #{name := Name, slots := Slots} <- Processes, #{healthy := false} <- Slots]
            catch throw:Error -> [tsugi_doctor:finding(Error)]
            end
    end.

%% A VM of this root that run/pid does not name; a control program, as this one, is none.
orphans(Known) ->
    Erts = unicode:characters_to_binary([tsugi_layout:root(), "/erts-"]),
    [{["A VM of this root (pid ", Pid, ") runs that nothing supervises."], ["kill ", Pid]}
     || tsugi_remote:keeper_pid() =:= none orelse Known =/= none,
        Pid <- element(2, file:list_dir("/proc")), {Number, ""} <- [string:to_integer(Pid)], Number =/= Known,
        {ok, Line} <- [file:read_file(filename:join(["/proc", Pid, "cmdline"]))],
        binary:match(Line, <<"/bin/beam">>) =/= nomatch, binary:match(Line, Erts) =/= nomatch,
        binary:match(Line, <<"tsugi_cli">>) =:= nomatch].
