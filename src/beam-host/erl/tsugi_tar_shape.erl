%% One reading of an archive: a tar is taken only in the one form that all readers take alike. The rules
%% and the words are those of src/handler/tar.ts, and the reasons stand there.
-module(tsugi_tar_shape).
-export([check/2]).

-define(BLOCK, 512).
-define(MAX_PAX, 65536).

%% Tar = the archive without its compression. Throws TSUGI_UNPACK_REFUSED.
check(Source, Tar) ->
    {ok, File} = file:open(Tar, [read, raw, binary, {read_ahead, 65536}]),
    try next(File, 0, none)
    catch throw:{shape, Problem} -> tsugi_unpack:refused(Source, Problem)
    after file:close(File)
    end.

next(File, At, Pax) ->
    case file:pread(File, At, ?BLOCK) of
        {ok, <<0:(?BLOCK * 8)>>} when Pax =/= none -> bad("a pax header has no entry behind it");
        {ok, <<0:(?BLOCK * 8)>>} -> only_zeros(File, At, 0);
        {ok, <<Block:?BLOCK/binary>>} -> header(File, At + ?BLOCK, Pax, Block);
        _ -> truncated()
    end.

only_zeros(File, At, Size) ->
    case file:pread(File, At, 65536) of
        {ok, Bytes} ->
            Count = byte_size(Bytes),
            Bytes =:= <<0:(Count * 8)>> orelse bad("something lies behind the end of the archive"),
            only_zeros(File, At + Count, Size + Count);
        eof when Size >= 2 * ?BLOCK, Size rem ?BLOCK =:= 0 -> ok;
        eof -> truncated()
    end.

header(File, At, Pax, <<Name:100/binary, _:24/binary, Octal:12/binary, _:20/binary, Type, _/binary>> = Block) ->
    is_ustar(Block) orelse bad("a header is not of the one form (ustar)"),
    [bad("a number in a header is not octal")
     || {From, Length} <- [{100, 8}, {108, 8}, {116, 8}, {124, 12}, {136, 12}, {148, 8}, {329, 8}, {337, 8}],
        octal(binary:part(Block, From, Length)) =:= none],
    checksum(Block) =:= octal(binary:part(Block, 148, 8)) orelse bad("the checksum of a header is wrong"),
    Type =/= $g orelse bad("it has a global header"),
    Size = octal(Octal),
    case Type of
        $x when Pax =/= none -> bad("an entry has two pax headers");
        $x when Size =:= 0; Size > ?MAX_PAX -> bad(["a pax header has ", integer_to_list(Size), " bytes"]);
        $x -> pax_header(File, At, Size);
        _ when Type =:= $0; Type =:= $5 ->
            IsLinked = binary:at(Block, 157) =/= 0 orelse (is_map(Pax) andalso is_map_key(<<"linkpath">>, Pax)),
            IsLinked andalso bad("what is no link leads somewhere"),
            entry(File, At, Pax, hd(binary:split(Name, <<0>>)), Type, Size);
        _ -> entry(File, At, Pax, hd(binary:split(Name, <<0>>)), Type, Size)
    end.

pax_header(File, At, Size) ->
    Padding = blocks(Size) * ?BLOCK - Size,
    case file:pread(File, At, Size + Padding) of
        {ok, <<Bytes:Size/binary, Rest:Padding/binary>>} ->
            Rest =:= <<0:(Padding * 8)>> orelse bad("something lies behind a pax header"),
            next(File, At + Size + Padding, keys(Bytes, #{}));
        _ -> truncated()
    end.

entry(File, At, Pax, Short, Type, Size) ->
    Keys = case Pax of none -> #{}; _ -> Pax end,
    Name = maps:get(<<"path">>, Keys, Short),
    lists:member(Type, "0123456") orelse bad(["\"", Name, "\" is of a type (\"", Type, "\") that no release has"]),
    Bytes = case Keys of #{<<"size">> := Told} -> binary_to_integer(Told); _ -> Size end,
    %% Beyond eight gigabytes the header itself can't say it.
    Size =:= Bytes orelse (Size =:= 0 andalso Bytes >= 1 bsl 33) orelse bad(["\"", Name, "\" has two sizes"]),
    Type =:= $0 orelse Bytes =:= 0 orelse bad(["\"", Name, "\" is no file, and has bytes"]),
    Type =:= $5 orelse Name =:= <<>> orelse binary:last(Name) =/= $/ orelse bad(["\"", Name, "\" is a file named as a folder"]),
    next(File, At + blocks(Bytes) * ?BLOCK, none).

%% `<length> <key>=<value>\n`, one after the other.
keys(<<>>, Keys) -> Keys;
keys(Bytes, Keys) ->
    Length = case re:run(Bytes, "\\A[1-9][0-9]{0,6}(?= )", [{capture, first, binary}]) of
        {match, [Digits]} -> binary_to_integer(Digits);
        nomatch -> unreadable()
    end,
    Length =< byte_size(Bytes) orelse unreadable(),
    <<Record:Length/binary, Rest/binary>> = Bytes,
    case re:run(Record, "\\A[0-9]+ ([^=]+)=(.*)\\n\\z", [dotall, {capture, all_but_first, binary}]) of
        {match, [Key, Value]} ->
            lists:member(Key, [<<"path">>, <<"linkpath">>, <<"size">>]) orelse
                bad(["a pax header has the key \"", Key, "\""]),
            maps:is_key(Key, Keys) andalso bad(["a pax header has ", Key, " twice"]),
            (Value =:= <<>> orelse binary:match(Value, <<0>>) =/= nomatch) andalso
                bad(["the ", Key, " of a pax header is none"]),
            Key =:= <<"size">> andalso re:run(Value, "\\A[0-9]{1,15}\\z") =:= nomatch andalso
                bad("the size of a pax header is none"),
            keys(Rest, Keys#{Key => Value});
        nomatch -> unreadable()
    end.

is_ustar(<<_:257/binary, "ustar", 0, "00", _/binary>>) -> true;
is_ustar(_) -> false.

octal(Bytes) ->
    case re:run(Bytes, "\\A([0-7]+)[ \\x00]+\\z", [{capture, all_but_first, binary}]) of
        {match, [Digits]} -> binary_to_integer(Digits, 8);
        nomatch -> none
    end.

checksum(<<Before:148/binary, _:8/binary, After/binary>>) -> 8 * 32 + sum(Before) + sum(After).

sum(Bytes) -> lists:sum(binary_to_list(Bytes)).

blocks(Size) -> (Size + ?BLOCK - 1) div ?BLOCK.

-spec unreadable() -> no_return().
unreadable() -> bad("a pax header can't be read").

-spec truncated() -> no_return().
truncated() -> bad("it ends before its end (truncated?)").

-spec bad(iodata()) -> no_return().
bad(Problem) -> throw({shape, Problem}).
