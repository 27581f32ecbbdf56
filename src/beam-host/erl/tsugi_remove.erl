%% remove and prune: a release and what only it uses.
-module(tsugi_remove).
-export([remove/1, prune/1, sweep/0, unreferenced/0, unit/1, room/0]).

remove(Vsn) ->
    case tsugi_handler:status(Vsn) of
        S when S =:= permanent; S =:= current ->
            tsugi_error:throw('TSUGI_STATUS_REFUSED', #{version => Vsn, status => S, wanted => "removed"});
        undefined ->
            filelib:is_dir(tsugi_layout:release_dir(Vsn)) orelse
                tsugi_error:throw('TSUGI_RELEASE_NOT_FOUND',
                                  #{version => Vsn, looked => "no such folder",
                                    dropBox => tsugi_layout:tarball(Vsn)});
        _ -> ok = tsugi_handler:remove(Vsn)
    end,
    %% release.json first: without it the rest is debris that the next sweep takes.
    _ = file:delete(tsugi_layout:release(Vsn, "release.json")),
    ok = tsugi_files:remove_tree(tsugi_layout:release_dir(Vsn)),
    sweep(),
    ok.

%% The permanent and the current one and the target of a rollback always stay (and count); then those that were
%% permanent, the last one first, and the newest unpacked. Answers what went.
prune(Keep) ->
    Stay = [V || {V, Status} <- tsugi_handler:releases(), Status =:= permanent orelse Status =:= current]
        ++ lists:sublist(tsugi_handler:ways_back(), 1),
    Others = [{maps:get(<<"committed">>, E, 0), maps:get(<<"since">>, E, <<>>), binary_to_list(V)}
              || #{<<"version">> := V} = E <- maps:get(<<"releases">>, tsugi_handler:view(), []),
                 not lists:member(binary_to_list(V), Stay)],
    Sorted = lists:reverse(lists:sort(Others)),
    Gone = [V || {_, _, V} <- safe_nthtail(max(0, Keep - length(Stay)), Sorted)],
    [remove(V) || V <- Gone],
    Gone.

%% What makes room: a prune, where it takes something; else what shows where the room went.
room() ->
    case [found || #{<<"status">> := S} <- maps:get(<<"releases">>, tsugi_handler:view(), []),
                   S =:= <<"old">> orelse S =:= <<"unpacked">>] of
        [_, _ | _] -> [tsugi_layout:bin(), " prune --keep 2"];
        _ -> ["du -ah ", tsugi_layout:root(), " | sort -h | tail"]
    end.

safe_nthtail(N, List) when N >= length(List) -> [];
safe_nthtail(N, List) -> lists:nthtail(N, List).

%% Folders below lib/ and runtimes that no release on disk names. The running VM's are always kept.
sweep() ->
    [tsugi_files:remove_tree(tsugi_layout:at([Unit])) || Unit <- unreferenced()],
    ok.

unreferenced() ->
    Manifests = [tsugi_manifest:read(V) || V <- tsugi_layout:versions()],
    Named = lists:usort([unit(Path) || #{<<"files">> := Files} <- Manifests,
                                       #{<<"path">> := Path} <- Files]),
    Running = [unit_of_loaded(Dir) || Dir <- [os:getenv("BINDIR", "") | code:get_path()]],
    Present = filelib:wildcard("lib/*", tsugi_layout:root()) ++ filelib:wildcard("erts-*", tsugi_layout:root()),
    [Unit || Unit <- Present, Manifests =/= [], not lists:member(list_to_binary(Unit), Named),
             not lists:member(list_to_binary(Unit), Running)].

unit(Path) ->
    case binary:split(Path, <<"/">>, [global]) of
        [<<"lib">>, Lib | _] -> <<"lib/", Lib/binary>>;
        [Top | _] -> Top
    end.

unit_of_loaded(Dir) ->
    case string:prefix(Dir, tsugi_layout:root() ++ "/") of
        nomatch -> <<>>;
        Path -> unit(unicode:characters_to_binary(Path))
    end.
