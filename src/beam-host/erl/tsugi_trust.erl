%% etc/trusted_keys: where it is, only releases that one of its keys has signed are taken. The formats
%% are those of src/release/signature.ts.
%%
%%   releases/<vsn>/release.json.sig   <key id> <signature, base64>
%%   etc/trusted_keys                  ed25519 <public key, base64> [comment], one a line
%%                                     not-before [<app>] <version>: nothing older comes in
-module(tsugi_trust).
-export([check/3, read/0, stranger/1]).

-include_lib("kernel/include/file.hrl").

%% Signature = binary() | none. @throws TSUGI_SIGNATURE_REFUSED, TSUGI_TRUSTED_KEYS_INVALID
check(Vsn, ManifestBytes, Signature) ->
    case trusted() of
        everything -> ok;
        {Keys, Floors} ->
            case first([problem(Keys, ManifestBytes, Signature), too_old(Vsn, Floors)]) of
                none -> ok;
                Problem -> tsugi_error:throw('TSUGI_SIGNATURE_REFUSED',
                                             #{version => Vsn, problem => Problem, keys => file()})
            end
    end.

%% What stands in it is in order. @throws TSUGI_TRUSTED_KEYS_INVALID
read() -> _ = trusted(), ok.

%% The first thing in the folders of a release that its manifest does not name, where keys are trusted: what is
%% signed is the manifest, and the VM would load the rest as well. Or none.
stranger(#{<<"files">> := Files}) ->
    case file:read_link_info(file()) of
        {error, enoent} -> none;
        _ ->
            Paths = [Path || #{<<"path">> := Path} <- Files],
            Named = maps:from_keys(Paths ++ lists:append([tsugi_contents:folders_above(Path) || Path <- Paths]), true),
            Units = lists:usort([Unit || Path <- Paths, Unit <- [tsugi_remove:unit(Path)], is_unit(Unit)]),
            first([stranger(Unit, Named) || Unit <- Units])
    end.

is_unit(<<"lib/", _/binary>>) -> true;
is_unit(<<"erts-", _/binary>>) -> true;
is_unit(_) -> false.

stranger(Folder, Named) ->
    Full = tsugi_layout:at([Folder]),
    %% A link is a file of the release, wherever it leads.
    case file:read_link_info(Full) of
        {ok, #file_info{type = directory}} ->
            {ok, Names} = file:list_dir_all(Full),
            Paths = [filename:join(Folder, unicode:characters_to_binary(Name)) || Name <- lists:sort(Names)],
            first([case is_map_key(Path, Named) of true -> stranger(Path, Named); false -> Path end || Path <- Paths]);
        _ -> none
    end.

first([none | Rest]) -> first(Rest);
first([]) -> none;
first([Problem | _]) -> Problem.

too_old(Vsn, Floors) ->
    Own = [Floor || {App, Floor} <- Floors, App =:= all orelse App =:= unicode:characters_to_binary(tsugi_layout:name())],
    case [Floor || Floor <- Own, tsugi_plan:compare(text(Vsn), text(Floor)) =:= less] of
        [] -> none;
        [Floor | _] -> ["it is older than not-before ", Floor, " allows"]
    end.

text(Vsn) -> unicode:characters_to_list(Vsn).

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
        Said ->
            case [Key || {key, Key} <- Said] of
                [] -> invalid("", "it has no key, so no release is trusted");
                Keys -> {maps:from_list(Keys), [Floor || {floor, Floor} <- Said]}
            end
    end.

key(_, []) -> [];
key(_, [<<"#", _/binary>> | _]) -> [];
key(Number, [<<"not-before">> | Words]) ->
    IsVersion = re:run(lists:last([<<>> | Words]), "\\A[0-9]+\\.[0-9]+\\.[0-9]+([-+][0-9A-Za-z.+-]+)?\\z") =/= nomatch,
    case Words of
        [Vsn] when IsVersion -> [{floor, {all, Vsn}}];
        [App, Vsn] when IsVersion -> [{floor, {App, Vsn}}];
        _ -> invalid([", line ", integer_to_list(Number), ","], "expected: not-before [<app>] <version>")
    end;
key(Number, [<<"ed25519">>, Encoded | _Comment]) ->
    case decode(Encoded) of
        Key when is_binary(Key), byte_size(Key) =:= 32 ->
            is_of_small_order(Key) andalso
                invalid([", line ", integer_to_list(Number), ","], "a key that fits every signature is none"),
            [{key, {id(Key), Key}}];
        _ -> no_key(Number)
    end;
key(Number, _) -> no_key(Number).

%% For such a key there are signatures that fit any text (src/release/signature.ts).
is_of_small_order(<<Most:31/binary, _:1, Last:7>>) ->
    lists:member(<<Most/binary, Last>>,
                 [<<0:256>>, <<1, 0:248>>,
                  <<16#26e8958fc2b227b045c3f489f2ef98f0d5dfac05d3c63339b13802886d53fc05:256>>,
                  <<16#c7176a703d4dd84fba3c0b760d10670f2a2053fa2c39ccc64ec7fd7792ac037a:256>>
                  | [<<First, (binary:copy(<<16#ff>>, 30))/binary, 16#7f>> || First <- [16#ec, 16#ed, 16#ee]]]).

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
