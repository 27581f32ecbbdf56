%% unpack: a release from a tarball or a tree onto this host, whole or not at all.
%%
%%   drop box, file or folder → releases/.staging/<pid>   every file held against the manifest, or linked
%%                                                       to a neighbour's (tsugi_share)
%%                            → rename lib/*, erts-*      folders that are there already are compared
%%                            → bin/*                     only if the bytes differ
%%                            → releases/<vsn>            last: now it is unpacked
-module(tsugi_unpack).
-export([unpack/2, peek/2, sweep/0, staged_file/1, verify_once/1, manifest/1, refused/2, disk_full/1]).

%% Besides the files: their headers in the tar, manifest and signature.
-define(SPARE_BYTES, 67108864).

%% Asked = version or file name. #{force => boolean()}. Answers #{version, already}.
unpack(Asked, Options) ->
    case find(Asked) of
        {here, Vsn} -> verify_offered(Vsn), #{version => Vsn, already => true};
        {source, Source, Wanted} -> unpack_source(Source, Wanted, Options)
    end.

%% A version with a tarball in its drop box, a version that is unpacked, a file or a folder.
find(Asked) ->
    IsVersion = lists:member($/, Asked) =:= false andalso not lists:suffix(".gz", Asked),
    case IsVersion andalso filelib:is_regular(tsugi_layout:tarball(Asked)) of
        true -> {source, tsugi_layout:tarball(Asked), Asked};
        false ->
            case IsVersion andalso filelib:is_regular(tsugi_layout:release(Asked, "release.json")) of
                true -> {here, Asked};
                false ->
                    case filelib:is_file(Asked) of
                        true -> {source, filename:absname(Asked), undefined};
                        false -> not_found(Asked)
                    end
            end
    end.

not_found(Asked) ->
    tsugi_error:throw('TSUGI_RELEASE_NOT_FOUND',
                      #{version => Asked,
                        looked => ["neither unpacked nor as a tarball at ", tsugi_layout:tarball(Asked)],
                        dropBox => tsugi_layout:tarball(Asked)}).

unpack_source(Source, Wanted, Options) ->
    #{id := _} = Manifest = offered(Source, Wanted),
    Vsn = tsugi_manifest:version(Manifest),
    Present = present(Vsn, Manifest, Options),
    case Present of
        new -> staged(Source, Manifest, present_units(Manifest), fun(Staging) -> place(Manifest, Staging, Vsn) end);
        already -> check_end(Source, Manifest)
    end,
    _ = Source =:= tsugi_layout:tarball(Vsn) andalso file:delete(Source),
    #{version => Vsn, already => Present =:= already}.

%% Nothing is taken of it, and it has to be whole all the same: one without the end that all have is read.
check_end(Source, Manifest) ->
    _ = kind(Source) =:= folder orelse tsugi_archive:has_end(Source)
        orelse staged(Source, Manifest, units(Manifest), fun(_) -> ok end),
    ok.

%% Its manifest, held against name, shape and keys, before anything else is read.
offered(Source, Wanted) ->
    {Bytes, Signature} = head(Source),
    Manifest = tsugi_manifest:parse(Bytes, Source),
    Vsn = tsugi_manifest:version(Manifest),
    Wanted =:= undefined orelse Wanted =:= Vsn orelse
        refused(Source, ["it holds ", Vsn, ", not ", Wanted]),
    check_name(Manifest),
    case tsugi_contents:problem(Manifest) of none -> ok; Problem -> refused(Source, Problem) end,
    tsugi_trust:check(Vsn, Bytes, Signature),
    Manifest.

%% Fun(Folder) with the release in a folder of its own, which is gone afterwards. A tarball need not have what
%% lies in the folders that are Here, or that a neighbour of the root has.
staged(Source, #{<<"files">> := Files} = Manifest, Here, Fun) ->
    sweep(),
    Staging = staged_file(""),
    ok = filelib:ensure_dir(filename:join(Staging, "x")),
    try
        tsugi_fault:strike("unpack:extract"),
        {Runtime, Linked} = {tsugi_share:runtime(Manifest), filename:join(Staging, ".linked")},
        IsLinked = not lists:member(Runtime, Here) andalso tsugi_share:link(Manifest, Linked),
        Present = [Runtime || IsLinked] ++ Here,
        Lacking = Manifest#{<<"files">> := [File || File <- Files, not lists:member(unit_of(File), Present)]},
        extract(Source, Manifest, Lacking, Staging),
        case tsugi_manifest:verify_tree(Lacking, Staging) of
            ok ->
                [ok = file:rename(filename:join([Linked | Runtime]), filename:join([Staging | Runtime])) || IsLinked],
                Fun(Staging);
            {What, Path} -> refused(Source, [Path, " is ", atom_to_list(What)])
        end
    after
        tsugi_files:remove_tree(Staging)
    end.

%% Fun(Vsn, Root) with the release that is asked for, wherever it lies; nothing of it stays.
peek(Asked, Fun) ->
    case find(Asked) of
        {here, Vsn} -> Fun(Vsn, tsugi_layout:root());
        {source, Source, Wanted} ->
            #{id := Id} = Manifest = offered(Source, Wanted),
            Vsn = tsugi_manifest:version(Manifest),
            case tsugi_manifest:id(Vsn) of
                Id -> Fun(Vsn, tsugi_layout:root());
                _ -> staged(Source, Manifest, [], fun(Staging) -> Fun(Vsn, Staging) end)
            end
    end.

%% Swept away once this process is gone.
staged_file(Ending) -> filename:join(staging(), os:getpid() ++ "." ++ unique() ++ Ending).

staging() -> tsugi_layout:at(["releases", ".staging"]).

%% What was left by one that was killed.
sweep() ->
    Names = case file:list_dir_all(staging()) of {ok, Found} -> Found; _ -> [] end,
    [tsugi_files:remove_tree(filename:join(staging(), Name))
     || Name <- Names, {Pid, _} <- [string:to_integer(Name)], not (is_integer(Pid) andalso tsugi_os:alive(Pid))],
    tsugi_files:sweep([tsugi_layout:releases_dir(), tsugi_layout:at(["run"])
                       | [tsugi_layout:release_dir(Vsn) || Vsn <- tsugi_layout:versions()]]).

unique() -> integer_to_list(erlang:unique_integer([positive])).

%% Manifest and signature, before anything else is read.
head(Source) ->
    case kind(Source) of
        tarball -> tsugi_archive:head(Source);
        folder ->
            File = newest_manifest(Source),
            {ok, Bytes} = file:read_file(File),
            {Bytes, signature(File ++ ".sig")}
    end.

kind(Source) ->
    case filelib:is_dir(Source) of
        true -> folder;
        false -> tarball
    end.

signature(File) -> case file:read_file(File) of {ok, Line} -> Line; _ -> none end.

newest_manifest(Source) ->
    Manifests = filelib:wildcard(filename:join([Source, "releases", "*", "release.json"])),
    case lists:sort(fun(A, B) -> filelib:last_modified(A) >= filelib:last_modified(B) end, Manifests) of
        [Newest | _] -> Newest;
        [] -> refused(Source, "it is a folder without a release")
    end.

check_name(#{<<"name">> := Name}) ->
    case unicode:characters_to_list(Name) =:= tsugi_layout:name() of
        true -> ok;
        false -> tsugi_error:throw('TSUGI_NAME_DIFFERS', #{to => Name, from => tsugi_layout:name()})
    end.

%% Only what the manifest names, and nothing before all of it was looked at.
extract(Source, Manifest, Lacking, Staging) ->
    case kind(Source) of
        folder -> copy_tree(Source, Lacking, Staging);
        tarball ->
            Tar = filename:join(Staging, ".tar"),
            ok = tsugi_archive:gunzip(Source, Tar, limit(Manifest)),
            ok = tsugi_tar_shape:check(Source, Tar),
            case erl_tar:table(Tar, [verbose]) of
                {ok, Entries} ->
                    case tsugi_contents:archive_problem(Entries, Manifest, Lacking) of
                        none -> extract_files(Source, Tar, Manifest, Lacking, Staging);
                        Problem -> refused(Source, Problem)
                    end;
                {error, Reason} -> unreadable(Source, Reason)
            end,
            ok = file:delete(Tar)
    end.

%% Links are made from the manifest, where they were looked at; erl_tar takes none that begins with `..`.
%% Where it has all to take it is told no names, which it looks up one by one.
extract_files(Source, Tar, Manifest, #{<<"files">> := Files} = Lacking, Staging) ->
    Own = ["releases/", tsugi_manifest:version(Manifest), "/release.json"],
    Rest = [Path || #{<<"path">> := Path} = File <- Files, not is_map_key(<<"link">>, File)],
    Names = [unicode:characters_to_list(Path) || Path <- [Own, [Own, ".sig"] | Rest]],
    Only = [{files, Names} || Lacking =/= Manifest orelse links(Manifest) =/= []],
    case erl_tar:extract(Tar, [{cwd, Staging} | Only]) of
        ok -> ok;
        {error, {_, enospc}} -> disk_full(limit(Manifest));
        {error, Reason} -> unreadable(Source, Reason)
    end,
    [copy(Link, Source, Staging) || Link <- links(Lacking)],
    ok.

links(#{<<"files">> := Files}) -> [File || #{<<"link">> := _} = File <- Files].

-spec unreadable(term(), term()) -> no_return().
unreadable(Source, Reason) ->
    refused(Source, ["it can't be read to its end (", io_lib:format("~0tp", [Reason]), ")"]).

limit(#{<<"files">> := Files}) ->
    lists:sum([Size || #{<<"size">> := Size} <- Files]) + length(Files) * 4096 + ?SPARE_BYTES.

copy_tree(Source, #{<<"files">> := Files} = Manifest, Staging) ->
    Own = list_to_binary(["releases/", tsugi_manifest:version(Manifest), "/release.json"]),
    Signature = <<Own/binary, ".sig">>,
    [copy(#{<<"path">> => Path}, Source, Staging)
     || Path <- [Own, Signature], filelib:is_regular(filename:join(Source, Path))],
    [copy(File, Source, Staging) || File <- Files],
    ok.

copy(#{<<"path">> := Path, <<"link">> := Target}, _, Staging) ->
    To = filename:join(Staging, Path),
    ok = filelib:ensure_dir(To),
    ok = file:make_symlink(Target, To);
copy(#{<<"path">> := Path}, Source, Staging) ->
    {From, To} = {filename:join(Source, Path), filename:join(Staging, Path)},
    ok = filelib:ensure_dir(To),
    case file:copy(From, To) of
        {ok, _} -> ok;
        {error, Reason} -> refused(Source, [Path, ": ", file:format_error(Reason)])
    end,
    {ok, Info} = file:read_file_info(From),
    file:write_file_info(To, Info).

%% The same version with other bytes is refused, unless merely unpacked and forced.
present(Vsn, #{id := Id}, Options) ->
    case tsugi_manifest:id(Vsn) of
        null -> new;
        Id -> already;
        Other ->
            Status = tsugi_handler:status(Vsn),
            case maps:get(force, Options, false) andalso lists:member(Status, [unpacked, undefined]) of
                true -> tsugi_remove:remove(Vsn), new;
                false ->
                    tsugi_error:throw('TSUGI_RELEASE_CONFLICT',
                                      #{version => Vsn, offered => short(Id),
                                        found => [short(Other), " (", atom_to_list(Status), ")"]})
            end
    end.

short(Id) -> binary:part(Id, 0, 12).

%% --- into place ---------------------------------------------------------------------------------

place(#{<<"files">> := Files} = Manifest, Staging, Vsn) ->
    Units = units(Manifest),
    ByUnit = maps:groups_from_list(fun unit_of/1, Files),
    [same_or_absent(Unit, maps:get(Unit, ByUnit, [])) || Unit <- Units],
    tsugi_fault:strike("unpack:folders"),
    [move(Unit, Staging) || Unit <- Units],
    tsugi_fault:strike("unpack:bin"),
    [replace_bin(Path, Staging) || #{<<"path">> := <<"bin/", _/binary>> = Path} <- Files],
    %% The drop box may stand in the folder already; everything else in it is the release's.
    To = tsugi_layout:release_dir(Vsn),
    From = filename:join([Staging, "releases", Vsn]),
    ok = filelib:ensure_dir(filename:join(To, "x")),
    {ok, Names} = file:list_dir_all(From),
    Last = "release.json",
    Move = fun(N) -> ok = rename_over(filename:join(From, N), filename:join(To, N)) end,
    lists:foreach(Move, lists:delete(Last, Names)),
    tsugi_fault:strike("unpack:manifest"),
    Move(Last),
    tsugi_fault:strike("unpack:unpacked"),
    tsugi_files:sync_dir(To),
    tsugi_files:sync_dir(tsugi_layout:releases_dir()).

rename_over(From, To) ->
    _ = filelib:is_dir(To) andalso tsugi_files:remove_tree(To),
    file:rename(From, To).

%% The folders that are renamed into place whole.
units(#{<<"files">> := Files, <<"runtime">> := #{<<"dir">> := Erts}}) ->
    [[Erts] | lists:usort([Unit || File <- Files, [<<"lib">>, _] = Unit <- [unit_of(File)]])].

unit_of(#{<<"path">> := Path}) ->
    case filename:split(Path) of
        [<<"lib">>, Lib | _] -> [<<"lib">>, Lib];
        [First | _] -> [First]
    end.

present_units(Manifest) -> [Unit || Unit <- units(Manifest), filelib:is_dir(place_of(Unit))].

place_of(Unit) -> tsugi_layout:at([to_list(Part) || Part <- Unit]).

%% A folder that is there already must have the same bytes; it is never overwritten.
same_or_absent(Unit, Files) ->
    Dir = place_of(Unit),
    case filelib:is_dir(Dir) of
        false -> ok;
        true ->
            case tsugi_manifest:verify_tree(#{<<"files">> => Files}, tsugi_layout:root()) of
                ok -> ok;
                {_, Path} -> conflict(Unit, Dir, Path)
            end
    end.

%% An application of the same version with other code, named by its module: what changed there would
%% never be loaded by an upgrade.
conflict([<<"lib">>, Lib], Dir, Path) ->
    [App | _] = binary:split(Lib, <<"-">>),
    case filename:extension(Path) of
        <<".beam">> ->
            tsugi_error:throw('TSUGI_CODE_WITHOUT_VERSION',
                              #{app => App, version => binary:replace(Lib, <<App/binary, "-">>, <<>>),
                                module => filename:basename(Path, <<".beam">>)});
        _ -> tsugi_error:throw('TSUGI_FOLDER_CONFLICT', #{folder => Dir, file => Path})
    end;
conflict(_, Dir, Path) -> tsugi_error:throw('TSUGI_FOLDER_CONFLICT', #{folder => Dir, file => Path}).

move(Unit, Staging) ->
    From = filename:join([Staging | [to_list(Part) || Part <- Unit]]),
    To = place_of(Unit),
    case filelib:is_dir(To) of
        true -> ok;
        false ->
            ok = filelib:ensure_dir(To),
            ok = file:rename(From, To)
    end.

replace_bin(Path, Staging) ->
    From = filename:join(Staging, to_list(Path)),
    To = tsugi_layout:at([to_list(Path)]),
    case file:read_file(From) =:= file:read_file(To) of
        true -> ok;
        false ->
            ok = filelib:ensure_dir(To),
            ok = file:rename(From, To)
    end.

to_list(Part) when is_binary(Part) -> unicode:characters_to_list(Part);
to_list(Part) -> Part.

%% --- a release that stands already --------------------------------------------------------------

%% A plain `tar x` verifies nothing: what it put here is held against its manifest and the keys, once.
%% Answers whether it was done now. @throws TSUGI_RELEASE_DAMAGED, TSUGI_SIGNATURE_REFUSED
verify_once(Vsn) ->
    %% Each time: putting a file there changes none that was verified.
    case tsugi_trust:stranger(tsugi_manifest:read(Vsn)) of
        none -> ok;
        Stranger -> damaged(Vsn, [Stranger, " is not among what was signed"])
    end,
    {Text, Id} = {tsugi_json:text(Vsn), tsugi_manifest:id(Vsn)},
    Known = [E || #{<<"version">> := V, <<"verified">> := true, <<"releaseId">> := I} = E
                      <- maps:get(<<"releases">>, tsugi_handler:view(), []), V =:= Text, I =:= Id],
    case Known of
        [_ | _] -> false;
        [] -> verify(Vsn), true
    end.

verify(Vsn) ->
    Manifest = manifest(Vsn),
    case tsugi_manifest:verify_tree(Manifest, tsugi_layout:root()) of
        ok -> tsugi_share:share(Manifest);
        {What, Path} -> damaged(Vsn, [Path, " is ", atom_to_list(What)])
    end.

%% Of a release that is here, held against the keys.
manifest(Vsn) ->
    File = tsugi_layout:release(Vsn, "release.json"),
    #{} = Manifest = tsugi_manifest:read(Vsn),
    {ok, Bytes} = file:read_file(File),
    tsugi_trust:check(Vsn, Bytes, signature(File ++ ".sig")),
    Manifest.

-spec damaged(term(), term()) -> no_return().
damaged(Vsn, Problem) -> tsugi_error:throw('TSUGI_RELEASE_DAMAGED', #{version => Vsn, problem => Problem}).

%% Of a release that should start it is a failure, of one that is offered a refusal.
verify_offered(Vsn) ->
    try verify_once(Vsn) of
        true -> tsugi_handler:write_view(#{Vsn => #{verified => true}});
        false -> ok
    catch throw:{tsugi_error, 'TSUGI_RELEASE_DAMAGED', #{problem := Problem}} ->
        refused(tsugi_layout:release_dir(Vsn), Problem)
    end.

-spec refused(term(), term()) -> no_return().
refused(Source, Problem) ->
    tsugi_error:throw('TSUGI_UNPACK_REFUSED', #{source => Source, problem => Problem}).

-spec disk_full(integer()) -> no_return().
disk_full(NeededBytes) ->
    tsugi_error:throw('TSUGI_DISK_FULL',
                      #{root => tsugi_layout:root(), neededMb => NeededBytes bsr 20, freeMb => 0,
                        room => tsugi_remove:room()}).
