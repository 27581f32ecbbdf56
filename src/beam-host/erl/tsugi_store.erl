%% A release in a store: oci://registry/app[:<tag>], or <folder>#<vsn>, <folder>#<name>@<vsn> where the store is
%% a folder on this host, an OCI image layout (src/oci/layout.ts). The layers of a release, one after the other,
%% are its tarball.
-module(tsugi_store).
-export([is_stored/1, with_tarball/3]).

-define(REFERENCE, "^(.+)#(?:([A-Za-z0-9_][A-Za-z0-9._-]*)@)?([0-9A-Za-z][0-9A-Za-z.+_-]*)$").
-define(ARTEFACT, <<"application/vnd.tsugi.release.v1">>).
%% Behind a version: `1.2.0-prod`, but `1.2.0-rc` comes before it.
-define(OWN_WORD, "-(?!alpha|beta|rc|pre|dev|next|canary|nightly|snapshot)[a-z]+$").
-define(TAG, <<"org.opencontainers.image.ref.name">>).
-define(NAME, <<"org.opencontainers.image.title">>).
-define(VERSION, <<"org.opencontainers.image.version">>).
-define(PUSHED, <<"org.opencontainers.image.created">>).

%% A file may be called like one.
is_stored("oci://" ++ _) -> true;
is_stored(Asked) -> parts(Asked) =/= none andalso not filelib:is_file(Asked).

parts(Asked) ->
    case re:run(Asked, ?REFERENCE, [unicode, {capture, all_but_first, list}]) of
        {match, [Store, "", Vsn]} -> {Store, tsugi_layout:name(), Vsn};
        {match, [Store, Name, Vsn]} -> {Store, Name, Vsn};
        nomatch -> none
    end.

%% Fun(File) with the tarball that a reference means, which is gone afterwards; else with what was asked.
%% Which = all | lacking: without the layers whose folders are here. Whether those are the ones that are meant is
%% for the unpack to see.
with_tarball(Asked, Which, Fun) ->
    case is_stored(Asked) of
        false -> Fun(Asked);
        true ->
            File = tsugi_unpack:staged_file(".tar.gz"),
            try
                ok = filelib:ensure_dir(File),
                Release = bring(Asked, Which, File),
                refuse_another(Asked, File, {said(?NAME, Release), said(?VERSION, Release)}),
                Fun(File)
            after
                file:delete(File)
            end
    end.

bring("oci://" ++ _ = Asked, Which, File) ->
    {Place, Tag} = tsugi_registry:parse(Asked),
    Name = unicode:characters_to_binary(tsugi_layout:name()),
    case tsugi_registry:manifest(Place, Tag) of
        none -> not_there(maps:get(where, Place), Name, Tag);
        Bytes ->
            case decoded(Bytes) of
                #{<<"artifactType">> := ?ARTEFACT, <<"annotations">> := #{?NAME := Name}} = Release ->
                    refuse_moved(maps:get(where, Place), Tag, Release),
                    [brought(Place, Digest, File) || Digest <- layers(Release, Which)],
                    Release;
                #{<<"artifactType">> := ?ARTEFACT} = Other ->
                    not_there(maps:get(where, Place), Name, Tag, [": it is ", said(?NAME, Other), " ", said(?VERSION, Other)]);
                _ -> tsugi_unpack:refused(Asked, "it is no release of tsugi")
            end
    end;
bring(Asked, Which, File) ->
    {Store, _, Vsn} = Parts = parts(Asked),
    Release = find(Parts),
    refuse_moved(Store, Vsn, Release),
    [append(File, read(Store, Digest)) || Digest <- layers(Release, Which)],
    Release.

%% A tag that is a whole version names that one and no other, as src/oci/reference.ts has it.
refuse_moved(Where, Tag, Release) ->
    Said = unicode:characters_to_list(said(?VERSION, Release)),
    case re:run(Tag, "^v?\\d+(\\.\\d+){2,}([+_-].*)?$", [{capture, none}]) of
        match ->
            Own = re:replace(bare(Tag), ?OWN_WORD, "", [caseless, {return, list}]),
            lists:member(bare(Said), [bare(Tag), Own])
                orelse not_there(Where, <<"release">>, Tag, [": the tag ", Tag, " names ", said(?NAME, Release), " ", Said]);
        nomatch -> ok
    end.

bare("v" ++ Vsn) -> bare(Vsn);
bare(Vsn) -> [case C of $+ -> $_; _ -> C end || C <- Vsn].

%% What is said of a release may have been written by anybody; what is in it may be signed.
refuse_another(Asked, File, Said) ->
    {Bytes, _} = tsugi_archive:head(File),
    case decoded(Bytes) of
        #{<<"name">> := Name, <<"version">> := Vsn} when {Name, Vsn} =:= Said -> ok;
        #{<<"name">> := Name, <<"version">> := Vsn} -> tsugi_unpack:refused(Asked, ["it holds ", Name, " ", Vsn]);
        _ -> ok
    end.

brought(#{where := Where} = Place, <<"sha256:", _:64/binary>> = Digest, File) ->
    Layer = File ++ ".layer",
    try
        ok = tsugi_registry:blob(Place, binary_to_list(Digest), Layer),
        append(File, held_against([Where, "@", Digest], Digest, Layer))
    after
        file:delete(Layer)
    end.

append(File, Bytes) ->
    case file:write_file(File, Bytes, [append]) of
        ok -> ok;
        {error, enospc} -> tsugi_unpack:disk_full(byte_size(Bytes));
        {error, Reason} -> tsugi_unpack:refused(File, file:format_error(Reason))
    end.

not_there(Store, Name, Vsn) -> not_there(Store, Name, Vsn, "").

not_there(Store, Name, Vsn, Why) ->
    tsugi_error:throw('TSUGI_NOT_IN_STORE', #{store => Store, name => Name, version => Vsn, why => unicode:characters_to_binary(Why)}).

layers(#{<<"layers">> := Layers}, Which) ->
    [Digest || #{<<"digest">> := Digest} = Layer <- Layers, Which =:= all orelse not is_here(Layer)].

%% A layer that is a folder has its name.
is_here(#{<<"annotations">> := #{?NAME := Title}}) ->
    case re:run(Title, "^((?:lib/|erts-)[^/]+?)(?:\\.tar\\.gz)?$", [{capture, [1], list}]) of
        {match, [Folder]} -> filelib:is_dir(tsugi_layout:at([Folder]));
        nomatch -> false
    end;
is_here(_) -> false.

%% By the name and version that its manifest says, whatever the tag; else by a tag.
find({Store, Name, Vsn}) ->
    Wanted = unicode:characters_to_binary(Vsn),
    Own = [{Tag, Release} || {Tag, #{<<"annotations">> := #{?NAME := Said}} = Release} <- releases(Store),
                             Said =:= unicode:characters_to_binary(Name)],
    Newest = lists:sort(fun({_, A}, {_, B}) -> said(?PUSHED, A) >= said(?PUSHED, B) end, Own),
    Exact = [Release || {_, Release} <- Own, said(?VERSION, Release) =:= Wanted],
    Tagged = [Release || {Tag, Release} <- Own, lists:member(Tag, [Wanted, <<(list_to_binary(Name))/binary, "-", Wanted/binary>>])],
    case {Vsn, Newest, Exact ++ Tagged} of
        {"latest", [{_, Release} | _], _} -> Release;
        {_, _, [Release | _]} when Vsn =/= "latest" -> Release;
        _ -> not_there(Store, Name, Vsn)
    end.

said(Key, #{<<"annotations">> := Annotations}) -> maps:get(Key, Annotations, <<>>).

%% [{Tag, Manifest}]; what is no release of tsugi is somebody else's.
releases(Store) ->
    File = filename:join(Store, "index.json"),
    Entries = case file:read_file(File) of
        {ok, Bytes} ->
            case decoded(Bytes) of
                #{<<"manifests">> := Found} when is_list(Found) -> Found;
                _ -> tsugi_unpack:refused(File, "it is no list of manifests")
            end;
        {error, _} -> []
    end,
    [{tag(Entry), Manifest} || #{<<"digest">> := Digest} = Entry <- Entries,
        #{<<"artifactType">> := ?ARTEFACT, <<"annotations">> := _, <<"layers">> := _} = Manifest <- [decoded(read(Store, Digest))]].

tag(#{<<"annotations">> := #{?TAG := Tag}}) -> Tag;
tag(_) -> none.

decoded(Bytes) -> try tsugi_json:decode(Bytes) catch _:_ -> none end.

read(Store, <<"sha256:", Hex:64/binary>> = Digest) ->
    File = filename:join([Store, "blobs", "sha256", binary_to_list(Hex)]),
    held_against(File, Digest, File);
read(Store, _) -> tsugi_unpack:refused(Store, "a digest in it is no SHA-256").

held_against(Place, <<"sha256:", Hex/binary>>, File) ->
    case file:read_file(File) of
        {ok, Bytes} ->
            Hex =:= tsugi_manifest:hex(crypto:hash(sha256, Bytes))
                orelse tsugi_unpack:refused(Place, "its SHA-256 differs from its name"),
            Bytes;
        {error, Reason} -> tsugi_unpack:refused(Place, file:format_error(Reason))
    end.
