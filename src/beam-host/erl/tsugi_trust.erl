%% etc/trusted_keys: where it is, only releases that one of its keys has signed are taken. The formats
%% are those of src/release/signature.ts.
%%
%%   releases/<vsn>/release.json.sig   <key id> <signature, base64>
%%   etc/trusted_keys                  ed25519 <public key, base64> [comment], one a line
-module(tsugi_trust).
-export([check/3]).

-include_lib("kernel/include/file.hrl").

%% Signature = binary() | none. @throws TSUGI_SIGNATURE_REFUSED, TSUGI_TRUSTED_KEYS_INVALID
check(Vsn, ManifestBytes, Signature) ->
    case trusted() of
        everything -> ok;
        Keys ->
            case problem(Keys, ManifestBytes, Signature) of
                none -> ok;
                Problem -> tsugi_error:throw('TSUGI_SIGNATURE_REFUSED',
                                             #{version => Vsn, problem => Problem, keys => file()})
            end
    end.

file() -> tsugi_layout:at(["etc", "trusted_keys"]).

problem(_, _, none) -> "it is not signed";
problem(Keys, ManifestBytes, Line) ->
    case binary:split(string:trim(Line), <<" ">>) of
        [Id, Encoded] ->
            case {Keys, decode(Encoded)} of
                {_, error} -> "the .sig file is not a signature";
                {#{Id := Key}, Signature} ->
                    case crypto:verify(eddsa, none, ManifestBytes, Signature, [Key, ed25519]) of
                        true -> none;
                        false -> ["it does not fit the manifest (key ", Id, ")"]
                    end;
                _ -> ["key ", tsugi_json:text(Id), " is not trusted here"]
            end;
        _ -> "the .sig file is not a signature"
    end.

%% Everything is trusted only where there is certainly no such file.
trusted() ->
    case file:read_link_info(file()) of
        {error, enoent} -> everything;
        _ ->
            case {file:read_file_info(file()), file:read_file(file())} of
                {{ok, #file_info{mode = Mode}}, _} when Mode band 8#002 =/= 0 ->
                    invalid("", "everybody may write to it");
                {_, {ok, Text}} -> keys(Text);
                {_, {error, Reason}} -> invalid("", file:format_error(Reason))
            end
    end.

keys(Text) ->
    Lines = lists:enumerate(binary:split(Text, <<"\n">>, [global])),
    case lists:append([key(Number, string:lexemes(Line, " \t\r")) || {Number, Line} <- Lines]) of
        [] -> invalid("", "it has no key, so no release is trusted");
        Keys -> maps:from_list(Keys)
    end.

key(_, []) -> [];
key(_, [<<"#", _/binary>> | _]) -> [];
key(Number, [<<"ed25519">>, Encoded | _Comment]) ->
    case decode(Encoded) of
        Key when is_binary(Key), byte_size(Key) =:= 32 -> [{id(Key), Key}];
        _ -> no_key(Number)
    end;
key(Number, _) -> no_key(Number).

no_key(Number) ->
    invalid([", line ", integer_to_list(Number), ","],
            "expected: ed25519 <32 bytes in base64> [comment]").

%% The decoder skips blanks and the like; what is not written exactly is no key.
decode(Encoded) ->
    try base64:decode(Encoded) of
        Bytes ->
            case base64:encode(Bytes) of
                Encoded -> Bytes;
                _ -> error
            end
    catch _:_ -> error
    end.

id(Key) ->
    <<First:8/binary, _/binary>> = crypto:hash(sha256, Key),
    << <<(hex(Digit))>> || <<Digit:4>> <= First >>.

hex(Digit) when Digit < 10 -> $0 + Digit;
hex(Digit) -> $a + Digit - 10.

-spec invalid(term(), term()) -> no_return().
invalid(Line, Problem) ->
    tsugi_error:throw('TSUGI_TRUSTED_KEYS_INVALID', #{file => file(), line => Line, problem => Problem}).
