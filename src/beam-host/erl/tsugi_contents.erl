%% What a manifest may put where, and a tarball against its manifest. A release owns its folders below
%% lib/, its erts-<vsn>/, its releases/<vsn>/ and files of bin/; it never writes etc/ or another's.
-module(tsugi_contents).
-export([problem/1, archive_problem/3, folders_above/1]).

%% Text, or none.
problem(#{<<"files">> := Files} = Manifest) ->
    first([fun() -> first_of(fun(File) -> place_problem(File, Manifest) end, Files) end,
           fun() -> twice(lists:sort([fold(Path) || #{<<"path">> := Path} <- Files])) end,
           fun() -> below_problem(maps:from_list([{Path, File} || #{<<"path">> := Path} = File <- Files])) end]).

first([]) -> none;
first([Check | Rest]) -> case Check() of none -> first(Rest); Problem -> Problem end.

first_of(_, []) -> none;
first_of(Check, [Item | Rest]) -> case Check(Item) of none -> first_of(Check, Rest); Problem -> Problem end.

place_problem(#{<<"path">> := Path, <<"mode">> := Mode}, _) when Mode band (bnot 8#777) =/= 0 ->
    [Path, ": its mode has more than permissions (setuid, sticky …)"];
place_problem(#{<<"path">> := Path} = File, #{<<"runtime">> := #{<<"dir">> := Erts}} = Manifest) ->
    Vsn = list_to_binary(tsugi_manifest:version(Manifest)),
    Name = maps:get(<<"name">>, Manifest),
    Reserved = [<<"release.json">>, <<"release.json.sig">>, <<Name/binary, ".tar.gz">>],
    IsOwn = case binary:split(Path, <<"/">>, [global]) of
        [<<"lib">>, _, _ | _] -> true;
        [<<"bin">>, _] -> true;
        [Erts, _ | _] -> true;
        [<<"releases">>, Vsn, Third] -> not lists:member(Third, Reserved);
        [<<"releases">>, Vsn, _, _ | _] -> true;
        _ -> false
    end,
    case File of
        _ when not IsOwn -> [Path, ": a release may not put a file there"];
        #{<<"link">> := Target} ->
            Depth = length(binary:split(Path, <<"/">>, [global])) - 1,
            case is_safe_link(Target, Depth) of
                true -> none;
                false -> [Path, ": link leaves the tree"]
            end;
        _ -> none
    end.

is_safe_link(Target, Depth) when is_binary(Target), Target =/= <<>> ->
    binary:first(Target) =/= $/ andalso binary:match(Target, [<<"\\">>, <<0>>]) =:= nomatch
        andalso stays(binary:split(Target, <<"/">>, [global]), Depth);
is_safe_link(_, _) -> false.

stays(_, Depth) when Depth < 0 -> false;
stays([], _) -> true;
stays([<<"..">> | Rest], Depth) -> stays(Rest, Depth - 1);
stays([Part | Rest], Depth) when Part =:= <<".">>; Part =:= <<>> -> stays(Rest, Depth);
stays([_ | Rest], Depth) -> stays(Rest, Depth + 1).

fold(Path) -> string:casefold(unicode:characters_to_nfc_binary(Path)).

twice([Path, Path | _]) -> [Path, " is there twice (or differs only in case)"];
twice([_ | Rest]) -> twice(Rest);
twice([]) -> none.

%% A file in the place of a folder, or worse, a link.
below_problem(ByPath) ->
    first_of(fun(Path) ->
                 first_of(fun(Folder) when is_map_key(Folder, ByPath) ->
                                  [Path, " lies below ", Folder, ", which is no folder"];
                             (_) -> none
                          end, folders_above(Path))
             end, maps:keys(ByPath)).

folders_above(Path) ->
    Parts = binary:split(Path, <<"/">>, [global]),
    [iolist_to_binary(lists:join($/, lists:sublist(Parts, N))) || N <- lists:seq(1, length(Parts) - 1)].

%% Entries = what erl_tar:table says of the tar, verbose. Nothing is extracted before this is none. What is not
%% Lacking here need not be in it.
archive_problem(Entries, #{<<"files">> := Files} = Manifest, #{<<"files">> := Lacking}) ->
    Own = ["releases/", tsugi_manifest:version(Manifest), "/release.json"],
    Extra = [{iolist_to_binary(Own), own}, {iolist_to_binary([Own, ".sig"]), own}],
    Expected = maps:from_list(Extra ++ [{Path, File} || #{<<"path">> := Path} = File <- Files]),
    Folders = maps:from_keys([Folder || Path <- maps:keys(Expected), Folder <- folders_above(Path)], folder),
    case entries_problem(Entries, Expected, Folders) of
        {none, Left} ->
            case [Path || #{<<"path">> := Path} <- Lacking, is_map_key(Path, Left)] of
                [] -> none;
                [Path | _] -> ["it ends before ", Path, " (truncated?)"]
            end;
        Problem -> Problem
    end.

entries_problem([], Left, _) -> {none, Left};
entries_problem([{Name, Type, Size, _, Mode, _, _} | Rest], Left, Folders) ->
    Path = string:trim(unicode:characters_to_binary(Name), trailing, "/"),
    case Left of
        _ when Type =:= directory, is_map_key(Path, Folders) -> entries_problem(Rest, Left, Folders);
        #{Path := own} when Type =:= regular -> entries_problem(Rest, maps:remove(Path, Left), Folders);
        #{Path := File} when is_map(File) ->
            case entry_problem(Path, Type, Size, Mode, File) of
                none -> entries_problem(Rest, maps:remove(Path, Left), Folders);
                Problem -> Problem
            end;
        _ -> [Path, " (", atom_to_list(Type), ") is not in its manifest, or in it twice"]
    end.

entry_problem(_, symlink, _, _, #{<<"link">> := _}) -> none;
entry_problem(Path, Type, _, _, #{<<"link">> := _}) -> [Path, " is a ", atom_to_list(Type), ", expected a link"];
entry_problem(_, regular, Size, Mode, #{<<"size">> := Size, <<"mode">> := Mode}) -> none;
entry_problem(Path, regular, Size, Mode, #{<<"size">> := Expected, <<"mode">> := ExpectedMode}) ->
    io_lib:format("~ts has ~b bytes and mode ~.8b, expected ~b and ~.8b", [Path, Size, Mode, Expected, ExpectedMode]);
entry_problem(Path, Type, _, _, _) -> [Path, " is a ", atom_to_list(Type), ", expected a file"].
