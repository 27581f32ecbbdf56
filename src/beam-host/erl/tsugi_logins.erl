%% Who we are to a registry, where docker and podman look: their files, and the helpers that these name. As
%% src/oci/credentials.ts.
-module(tsugi_logins).
-export([find/2]).

%% {User, Password}; {"<token>", RefreshToken}; none where nobody has logged in.
find(Host, Repository) -> find_in(files(), Host, Repository).

find_in([], _, _) -> none;
find_in([File | Files], Host, Repository) ->
    Found = case file:read_file(File) of
        {ok, Bytes} ->
            case catch tsugi_json:decode(Bytes) of
                #{} = Json -> in_file(Json, Host, Repository);
                _ -> none
            end;
        {error, _} -> none
    end,
    case Found of
        none -> find_in(Files, Host, Repository);
        _ -> Found
    end.

files() ->
    Home = os:getenv("HOME", ""),
    Runtime = [filename:join([Dir, "containers", "auth.json"]) || Dir <- [os:getenv("XDG_RUNTIME_DIR", "")], Dir =/= ""],
    case os:getenv("REGISTRY_AUTH_FILE", "") of
        "" ->
            Docker = case os:getenv("DOCKER_CONFIG", "") of "" -> filename:join(Home, ".docker"); Dir -> Dir end,
            Runtime ++ [filename:join([Home, ".config", "containers", "auth.json"]), filename:join(Docker, "config.json")];
        File -> [File]
    end.

in_file(Json, Host, Repository) ->
    case from_helper(Json, Host) of
        none -> from_entry(maps:get(<<"auths">>, Json, #{}), keys(Host, Repository));
        Found -> Found
    end.

%% podman may have an entry for a part of the path: the longest that fits.
keys(Host, Repository) ->
    Parts = string:lexemes(Repository, "/"),
    Paths = [lists:flatten(lists:join("/", [Host | lists:sublist(Parts, N)])) || N <- lists:seq(length(Parts), 1, -1)],
    Paths ++ [Host, "https://" ++ Host, "https://" ++ Host ++ "/v1/", "https://" ++ Host ++ "/v2/"].

from_entry(Auths, Keys) ->
    case [Entry || Key <- Keys, #{} = Entry <- [maps:get(list_to_binary(Key), Auths, none)]] of
        [#{<<"identitytoken">> := Token} | _] when Token =/= <<>> -> {"<token>", binary_to_list(Token)};
        [#{<<"auth">> := Auth} | _] ->
            [User, Password] = string:split(binary_to_list(base64:decode(Auth)), ":"),
            {User, Password};
        _ -> none
    end.

from_helper(Json, Host) ->
    Named = maps:get(list_to_binary(Host), maps:get(<<"credHelpers">>, Json, #{}), maps:get(<<"credsStore">>, Json, none)),
    case is_binary(Named) andalso re:run(Named, "^[\\w.-]+$") of
        {match, _} ->
            Ask = "printf '%s\\n' \"$1\" | \"docker-credential-$2\" get 2>/dev/null",
            {_, Said} = tsugi_os:command(["-c", Ask, "sh", Host, binary_to_list(Named)]),
            case catch tsugi_json:decode(unicode:characters_to_binary(Said)) of
                #{<<"Username">> := User, <<"Secret">> := Secret} -> {binary_to_list(User), binary_to_list(Secret)};
                _ -> none
            end;
        _ -> none
    end.
