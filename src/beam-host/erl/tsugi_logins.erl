%% Who we are to a registry, where docker and podman look: their files, and the helpers that these name. As
%% src/oci/credentials.ts.
-module(tsugi_logins).
-export([find/2]).

%% A helper may wait for somebody to unlock it.
-define(HELPER_MS, 20_000).

%% {Login, Problems}: {User, Password}; {"<token>", RefreshToken}; none where nobody has logged in. The problems,
%% why one could not be read, are for whoever is refused.
find(Host, Repository) -> find_in(files(), Host, Repository, []).

find_in([], _, _, Problems) -> {none, lists:reverse(Problems)};
find_in([File | Files], Host, Repository, Problems) ->
    case in_file(File, Host, Repository) of
        none -> find_in(Files, Host, Repository, Problems);
        {problem, Words} -> find_in(Files, Host, Repository, [[File, " ", Words] | Problems]);
        Login -> {Login, []}
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

in_file(File, Host, Repository) ->
    case file:read_file(File) of
        {ok, Bytes} ->
            case catch tsugi_json:decode(Bytes) of
                #{} = Json -> in_json(Json, Host, Repository);
                _ -> {problem, "is not JSON: correct it, or move it aside and log in again"}
            end;
        {error, enoent} -> none;
        {error, Reason} -> {problem, ["can't be read: ", file:format_error(Reason)]}
    end.

in_json(Json, Host, Repository) ->
    Helped = from_helper(Json, Host),
    case Helped of
        {User, _} when User =/= problem -> Helped;
        _ ->
            case from_entry(maps:get(<<"auths">>, Json, #{}), keys(Host, Repository)) of
                none -> Helped;
                Found -> Found
            end
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
            Program = "docker-credential-" ++ binary_to_list(Named),
            Ask = "exec \"$2\" get 2>/dev/null <<END\n$1\nEND",
            case said(tsugi_os:run_within(["-c", Ask, "sh", Host, Program], ?HELPER_MS)) of
                {problem, Words} -> {problem, ["names ", Program, ", which ", Words]};
                Login -> Login
            end;
        _ -> none
    end.

%% What it prints is not shown: it may be the secret.
said({0, Said}) ->
    case catch tsugi_json:decode(unicode:characters_to_binary(Said)) of
        #{<<"Username">> := User, <<"Secret">> := Secret} -> {binary_to_list(User), binary_to_list(Secret)};
        _ -> none
    end;
said({time_out, _}) -> {problem, "has not answered for 20 s: does it wait to be unlocked?"};
said({127, _}) -> {problem, "is not on the PATH: install it, or take it out of that file"};
said({Code, Said}) ->
    %% Where it knows no login, as it may.
    case string:find(Said, "not found") of
        nomatch -> {problem, ["failed with ", integer_to_list(Code), ": try it by itself"]};
        _ -> none
    end.
