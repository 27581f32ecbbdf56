%% release.json on a host: read, checked for shape, held against the files.
-module(tsugi_manifest).
-export([read/1, parse/2, id/1, verify_tree/2, sha256_file/1, version/1, is_safe_path/1, hex/1]).

-define(FORMAT, 1).

%% The manifest of a release on disk.
read(Vsn) ->
    File = tsugi_layout:release(Vsn, "release.json"),
    case file:read_file(File) of
        {ok, Bytes} -> parse(Bytes, File);
        {error, enoent} -> tsugi_error:throw('TSUGI_RELEASE_NOT_FOUND',
                                              #{version => Vsn, looked => "no release.json in its folder",
                                                dropBox => tsugi_layout:tarball(Vsn)});
        {error, Reason} -> invalid(File, file:format_error(Reason))
    end.

id(Vsn) ->
    case file:read_file(tsugi_layout:release(Vsn, "release.json")) of
        {ok, Bytes} -> hex(crypto:hash(sha256, Bytes));
        {error, _} -> null
    end.

%% Adds `id` to what the bytes say.
parse(Bytes, Where) ->
    Json = try tsugi_json:decode(Bytes) catch _:_ -> invalid(Where, "not JSON") end,
    case Json of
        #{<<"format">> := ?FORMAT, <<"kind">> := <<"beam">>, <<"name">> := Name,
          <<"version">> := Vsn, <<"files">> := Files, <<"tsugi">> := #{<<"dir">> := _},
          <<"runtime">> := #{<<"dir">> := _}} when is_binary(Name), is_list(Files) ->
            is_safe_path(Vsn) andalso not contains_slash(Vsn) orelse invalid(Where, "version"),
            [check_file(File, Where) || File <- Files],
            Json#{id => hex(crypto:hash(sha256, Bytes))};
        #{<<"format">> := ?FORMAT, <<"kind">> := Kind} when Kind =/= <<"beam">> ->
            invalid(Where, ["it is a release for ", Kind, ", this host runs one for beam"]);
        #{<<"format">> := Other} when Other =/= ?FORMAT ->
            tsugi_error:throw('TSUGI_FORMAT_UNKNOWN',
                              #{what => Where, found => Other, expected => ?FORMAT});
        _ -> invalid(Where, "keys are missing")
    end.

check_file(#{<<"path">> := Path, <<"mode">> := Mode, <<"size">> := Size, <<"sha256">> := _}, Where)
  when is_integer(Mode), is_integer(Size) ->
    is_safe_path(Path) orelse invalid(Where, [Path, " leaves the tree"]);
check_file(_, Where) -> invalid(Where, "a file entry is incomplete").

is_safe_path(Path) when is_binary(Path), Path =/= <<>> ->
    lists:all(fun(Part) -> not lists:member(Part, [<<>>, <<".">>, <<"..">>]) end,
              binary:split(Path, <<"/">>, [global]))
        andalso binary:match(Path, [<<"\\">>, <<0>>]) =:= nomatch;
is_safe_path(_) -> false.

contains_slash(Vsn) -> binary:match(Vsn, <<"/">>) =/= nomatch.

version(#{<<"version">> := Vsn}) -> binary_to_list(Vsn).

%% Every file below Root against the manifest. Answers the first problem, as text, or ok.
verify_tree(#{<<"files">> := Files}, Root) -> verify_files(Files, Root).

verify_files([], _) -> ok;
verify_files([#{<<"path">> := Path, <<"sha256">> := Sha} = File | Rest], Root) ->
    Full = filename:join(Root, unicode:characters_to_list(Path)),
    case File of
        #{<<"link">> := Target} ->
            case file:read_link(Full) of
                {ok, Found} ->
                    case unicode:characters_to_binary(Found) of
                        Target -> verify_files(Rest, Root);
                        _ -> {changed, Path}
                    end;
                _ -> {missing, Path}
            end;
        _ ->
            case sha256_file(Full) of
                {ok, Sha} -> verify_files(Rest, Root);
                {ok, _} -> {changed, Path};
                {error, _} -> {missing, Path}
            end
    end.

sha256_file(File) ->
    case file:open(File, [read, raw, binary]) of
        {ok, Fd} ->
            try {ok, hash(Fd, crypto:hash_init(sha256))} after file:close(Fd) end;
        {error, Reason} -> {error, Reason}
    end.

hash(Fd, Context) ->
    case file:read(Fd, 262144) of
        {ok, Bytes} -> hash(Fd, crypto:hash_update(Context, Bytes));
        eof -> hex(crypto:hash_final(Context))
    end.

hex(Hash) -> << <<(hex_digit(N))>> || <<N:4>> <= Hash >>.
hex_digit(N) when N < 10 -> $0 + N;
hex_digit(N) -> $a + N - 10.

-spec invalid(term(), term()) -> no_return().
invalid(Where, Problem) ->
    tsugi_error:throw('TSUGI_MANIFEST_INVALID', #{where => Where, problem => Problem}).
