%% A release in a store that is a folder on this host: <store>#<vsn> or <store>#<name>@<vsn>. The
%% layout of a store is that of src/release/stored.ts.
-module(tsugi_store).
-export([is_reference/1, head/1, extract/3]).

-define(FORMAT, 1).
-define(MAX_MANIFEST, 67108864).
-define(REFERENCE, "^(.+)#(?:([A-Za-z0-9_][A-Za-z0-9._-]*)@)?([0-9A-Za-z][0-9A-Za-z.+_-]*)$").

is_reference(Asked) -> parts(Asked) =/= none.

parts(Asked) ->
    case re:run(Asked, ?REFERENCE, [unicode, {capture, all_but_first, list}]) of
        {match, [Store, "", Vsn]} -> {Store, tsugi_layout:name(), Vsn};
        {match, [Store, Name, Vsn]} -> {Store, Name, Vsn};
        nomatch -> none
    end.

%% {Manifest bytes, signature or none}.
head(Source) ->
    {Store, Name, Vsn} = Parts = parts(Source),
    #{<<"manifest">> := Blob, <<"releaseId">> := Id} = Stored = stored(Parts),
    File = blob(Store, Blob),
    Bytes = tsugi_archive:inflate(File, ?MAX_MANIFEST),
    Asked = {unicode:characters_to_binary(Name), unicode:characters_to_binary(Vsn)},
    case tsugi_manifest:parse(Bytes, File) of
        %% A copy of another release's file under that name is not that release.
        #{id := Id, <<"name">> := Other, <<"version">> := OtherVsn} when {Other, OtherVsn} =/= Asked ->
            tsugi_unpack:refused(File, ["it is of ", Other, " ", OtherVsn, ", not of ", Name, " ", Vsn]);
        #{id := Id} -> {Bytes, maps:get(<<"signature">>, Stored, none)};
        _ -> tsugi_unpack:refused(File, "it is not the manifest that was pushed")
    end.

stored({Store, Name, Vsn}) ->
    File = filename:join([Store, "releases", Name, Vsn ++ ".json"]),
    case file:read_file(File) of
        {ok, Bytes} ->
            case catch tsugi_json:decode(Bytes) of
                #{<<"format">> := ?FORMAT, <<"manifest">> := _, <<"releaseId">> := _, <<"runs">> := Runs} = Stored
                  when is_list(Runs) -> Stored;
                #{<<"format">> := Other} when Other =/= ?FORMAT ->
                    tsugi_error:throw('TSUGI_FORMAT_UNKNOWN',
                                      #{what => File, found => Other, expected => ?FORMAT});
                _ -> tsugi_unpack:refused(File, "it describes no release")
            end;
        {error, enoent} ->
            tsugi_error:throw('TSUGI_NOT_IN_STORE', #{store => Store, name => Name, version => Vsn});
        {error, Reason} -> tsugi_unpack:refused(File, file:format_error(Reason))
    end.

blob(Store, Blob) ->
    case re:run(Blob, "^[0-9a-f]{64}$") of
        {match, _} -> filename:join([Store, "blobs", binary_to_list(Blob) ++ ".gz"]);
        nomatch -> tsugi_unpack:refused(Store, "a blob's name is not 64 hex digits")
    end.

%% Files first, links last: nothing is written through a link.
extract(Source, #{<<"files">> := Files} = Manifest, Staging) ->
    {Store, _, _} = Parts = parts(Source),
    {Bytes, Signature} = head(Source),
    Own = list_to_binary(["releases/", tsugi_manifest:version(Manifest), "/release.json"]),
    write(#{<<"path">> => Own, <<"mode">> => 8#644}, Bytes, Staging),
    _ = Signature =:= none orelse
        write(#{<<"path">> => <<Own/binary, ".sig">>, <<"mode">> => 8#644}, Signature, Staging),
    {Links, Plain} = lists:partition(fun(File) -> maps:is_key(<<"link">>, File) end, Files),
    {Empty, Full} = lists:partition(fun(#{<<"size">> := Size}) -> Size =:= 0 end, Plain),
    #{<<"runs">> := Runs} = stored(Parts),
    fill(Runs, Full, Store, Staging),
    [write(File, <<>>, Staging) || File <- Empty],
    [link(File, Staging) || File <- Links],
    ok.

fill(_, [], _, _) -> ok;
fill([#{<<"blob">> := Blob, <<"files">> := Count} | Runs], Files, Store, Staging)
  when is_integer(Count), Count > 0, Count =< length(Files) ->
    {Mine, Others} = lists:split(Count, Files),
    File = blob(Store, Blob),
    Size = lists:sum([S || #{<<"size">> := S} <- Mine]),
    case tsugi_archive:inflate(File, Size) of
        Bytes when byte_size(Bytes) =:= Size -> split(Mine, Bytes, Staging);
        _ -> tsugi_unpack:refused(File, "it ends too early")
    end,
    fill(Runs, Others, Store, Staging);
fill(_, _, Store, _) -> tsugi_unpack:refused(Store, "the blobs of the release don't fit its files").

split([], <<>>, _) -> ok;
split([#{<<"size">> := Size} = File | Files], Bytes, Staging) ->
    <<Content:Size/binary, Rest/binary>> = Bytes,
    write(File, Content, Staging),
    split(Files, Rest, Staging).

write(#{<<"path">> := Path, <<"mode">> := Mode}, Content, Staging) ->
    To = filename:join(Staging, binary_to_list(Path)),
    ok = filelib:ensure_dir(To),
    case file:write_file(To, Content) of
        ok -> ok = file:change_mode(To, Mode);
        {error, enospc} -> tsugi_unpack:disk_full(byte_size(Content));
        {error, Reason} -> tsugi_unpack:refused(To, file:format_error(Reason))
    end.

link(#{<<"path">> := Path, <<"link">> := Target}, Staging) ->
    To = filename:join(Staging, binary_to_list(Path)),
    ok = filelib:ensure_dir(To),
    ok = file:make_symlink(binary_to_list(Target), To).
