%% A tarball as bytes: what its first entries say, and the tar inside, no longer than it may be.
-module(tsugi_archive).
-export([head/1, gunzip/3, has_end/1]).

-define(MAX_MANIFEST, 67108864).

%% {Manifest bytes, signature or none} of a tarball. They decide whether anything else is read.
head(Source) ->
    Read = fun(Bytes, So) ->
        All = <<So/binary, Bytes/binary>>,
        case first_entries(All) of
            more when byte_size(All) < 2 * ?MAX_MANIFEST -> {next, All};
            _ -> {stop, All}
        end
    end,
    case first_entries(fold_gzip(Source, Read, <<>>)) of
        {_, _} = Head -> Head;
        more -> tsugi_unpack:refused(Source, "it ends within its manifest (truncated?)");
        none -> tsugi_unpack:refused(Source, "a release begins with releases/<vsn>/release.json, this does not")
    end.

first_entries(Tar) ->
    case entry(Tar) of
        {Name, Manifest, Rest} ->
            Signature = <<Name/binary, ".sig">>,
            case {binary:split(Name, <<"/">>, [global]), entry(Rest)} of
                {[<<"releases">>, _, <<"release.json">>], more} -> more;
                {[<<"releases">>, _, <<"release.json">>], {Signature, Line, _}} -> {Manifest, Line};
                {[<<"releases">>, _, <<"release.json">>], _} -> {Manifest, none};
                _ -> none
            end;
        Other -> Other
    end.

%% {Name, Content, Rest} | more | none
entry(<<Name:100/binary, _:24/binary, Octal:12/binary, _:376/binary, Rest/binary>>) ->
    try binary_to_integer(hd(binary:split(Octal, [<<0>>, <<" ">>])), 8) of
        Size when Size > ?MAX_MANIFEST -> none;
        Size ->
            Padding = (512 - Size rem 512) rem 512,
            case Rest of
                <<Content:Size/binary, _:Padding/binary, After/binary>> ->
                    {hd(binary:split(Name, <<0>>)), Content, After};
                _ -> more
            end
    catch error:badarg -> none
    end;
entry(_) -> more.

%% As src/release/endOfTar.ts has it: with these last bytes nothing is cut off, and nothing lies behind.
has_end(Source) ->
    End = <<16#1f8b0800000000000003631805a360148c5800002eafb5ef00040000:224>>,
    {ok, In} = file:open(Source, [read, raw, binary]),
    try file:pread(In, max(0, filelib:file_size(Source) - byte_size(End)), byte_size(End)) =:= {ok, End}
    after file:close(In)
    end.

%% Limit = the most bytes that may come out; more is a bomb.
gunzip(Source, Target, Limit) ->
    {ok, Out} = file:open(Target, [write, raw, binary]),
    Write = fun(Bytes, Left) when byte_size(Bytes) > Left ->
                    tsugi_unpack:refused(Source, "it holds more bytes than its manifest says");
               (Bytes, Left) ->
                    case file:write(Out, Bytes) of
                        ok -> {next, Left - byte_size(Bytes)};
                        {error, enospc} -> tsugi_unpack:disk_full(Limit);
                        {error, Reason} -> tsugi_unpack:refused(Source, file:format_error(Reason))
                    end
            end,
    try fold_gzip(Source, Write, Limit), ok after file:close(Out) end.

%% A tarball is a concatenation of gzip members, which erl_tar's own decompression ends after the first.
%% Fun answers {next, Acc} or {stop, Acc}.
fold_gzip(Source, Fun, Acc) ->
    case file:open(Source, [read, raw, binary]) of
        {ok, In} ->
            Z = zlib:open(),
            try
                ok = zlib:inflateInit(Z, 31, reset),
                fold(Source, In, Z, Fun, Acc)
            after
                file:close(In), zlib:close(Z)
            end;
        {error, Reason} -> tsugi_unpack:refused(Source, file:format_error(Reason))
    end.

fold(Source, In, Z, Fun, Acc) ->
    case file:read(In, 262144) of
        {ok, Bytes} ->
            case pieces(Source, Z, Bytes, Fun, Acc) of
                {next, Next} -> fold(Source, In, Z, Fun, Next);
                {stop, Last} -> Last
            end;
        eof -> ended(Source, Z), Acc;
        {error, Reason} -> tsugi_unpack:refused(Source, file:format_error(Reason))
    end.

%% Of a member without its last bytes all content has come out by then.
ended(Source, Z) ->
    try zlib:inflateEnd(Z) catch error:_ -> tsugi_unpack:refused(Source, "it ends before its end (truncated?)") end.

pieces(Source, Z, Bytes, Fun, Acc) ->
    {Kind, Out} = try zlib:safeInflate(Z, Bytes)
                  catch error:_ -> tsugi_unpack:refused(Source, "it is no gzip file, or not a whole one")
                  end,
    case Fun(iolist_to_binary(Out), Acc) of
        {next, Next} when Kind =:= continue -> pieces(Source, Z, [], Fun, Next);
        Answer -> Answer
    end.
