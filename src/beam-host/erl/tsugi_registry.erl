%% A repository in a registry (OCI Distribution Specification), as far as a host reads it. curl does the
%% talking: a release of Elixir or Erlang need not have inets and ssl, and curl knows the system's certificates
%% and proxies, tries again what fails for a moment, and waits as long as a registry asks for.
-module(tsugi_registry).
-export([parse/1, manifest/2, blob/3]).

-define(REFERENCE, "^oci://([A-Za-z0-9.-]+(?::\\d{1,5})?|\\[[0-9a-f:]+\\](?::\\d{1,5})?)/"
                   "([a-z0-9]+(?:[._-]+[a-z0-9]+)*(?:/[a-z0-9]+(?:[._-]+[a-z0-9]+)*)*)"
                   "(?::(\\w[\\w.-]{0,127})|@(sha256:[0-9a-f]{64}))?$").
-define(MANIFESTS, "accept: application/vnd.oci.image.manifest.v1+json").

%% {#{host, repository, where}, Tag or digest}
parse(Asked) ->
    case re:run(Asked, ?REFERENCE, [{capture, all_but_first, list}]) of
        {match, [Host, Repository]} -> {place(Host, Repository), "latest"};
        {match, [Host, Repository, Tag]} -> {place(Host, Repository), Tag};
        {match, [Host, Repository, "", Digest]} -> {place(Host, Repository), Digest};
        nomatch -> tsugi_error:throw('TSUGI_OCI_REFERENCE', #{text => Asked})
    end.

place(Host, Repository) ->
    #{host => Host, repository => Repository, where => "oci://" ++ Host ++ "/" ++ Repository}.

%% Its bytes, or none.
manifest(Place, Reference) ->
    File = tsugi_unpack:staged_file(".manifest"),
    try
        case get(Place, "/manifests/" ++ Reference, [?MANIFESTS], File) of
            200 ->
                {ok, Bytes} = file:read_file(File),
                case Reference of
                    "sha256:" ++ _ -> held_against(Place, Reference, Bytes);
                    _ -> Bytes
                end;
            404 -> none;
            Status -> failed(Place, Status)
        end
    after
        file:delete(File)
    end.

blob(Place, Digest, File) ->
    case get(Place, "/blobs/" ++ Digest, [], File) of
        200 -> ok;
        Status -> failed(Place, Status)
    end.

held_against(Place, Digest, Bytes) ->
    case "sha256:" ++ binary_to_list(tsugi_manifest:hex(crypto:hash(sha256, Bytes))) of
        Digest -> Bytes;
        _ -> tsugi_unpack:refused([maps:get(where, Place), "@", Digest], "what the registry sends is something else")
    end.

failed(#{where := Where, host := Host}, Status) when Status =:= 401; Status =:= 403 ->
    Problems = case get({?MODULE, problems, Host}) of undefined -> []; Known -> Known end,
    Said = unicode:characters_to_binary(lists:join("; ", [integer_to_list(Status) | Problems])),
    tsugi_error:throw('TSUGI_REGISTRY_DENIED', #{store => Where, status => Said, host => Host});
failed(#{where := Where}, Status) ->
    tsugi_error:throw('TSUGI_STORE_FAILED', #{store => Where, problem => ["it answered ", integer_to_list(Status)]}).

%% The status, once more with what the registry asks for in its 401.
get(#{host := Host, repository := Repository} = Place, Path, Headers, File) ->
    Url = [scheme(Host), "://", Host, "/v2/", Repository, Path],
    case curl(Place, Url, Headers ++ kept(Host, Repository), File) of
        {401, Challenge} ->
            case answer(Place, Challenge) of
                none -> 401;
                Header ->
                    put({?MODULE, Host, Repository}, Header),
                    {Status, _} = curl(Place, Url, [Header | Headers], File),
                    Status
            end;
        {Status, _} -> Status
    end.

kept(Host, Repository) ->
    case get({?MODULE, Host, Repository}) of undefined -> []; Header -> [Header] end.

%% What never leaves this machine needs no certificate.
scheme(Host) ->
    case re:run(Host, "^(localhost|127(\\.\\d+){3}|\\[::1\\])(:\\d+)?$") of
        {match, _} -> "http";
        nomatch -> "https"
    end.

%% --- who we are -------------------------------------------------------------------------------------

answer(#{host := Host, repository := Repository} = Place, Challenge) ->
    {Credentials, Problems} = tsugi_logins:find(Host, Repository),
    put({?MODULE, problems, Host}, Problems),
    %% The token, where it is one of several that are offered.
    case challenges(Challenge) of
        #{"bearer" := Parameters} -> token(Place, Parameters, Credentials);
        #{"basic" := _} when Credentials =/= none -> basic(Credentials);
        _ -> none
    end.

basic({User, Password}) -> "authorization: Basic " ++ binary_to_list(base64:encode(lists:append([User, ":", Password]))).

%% `Basic realm="…", Bearer realm="…",service=…`: #{Scheme => #{Key => Value}}. A word, or a word with a value.
challenges(Text) ->
    Word = "([\\w!#$%&'*+.^`|~-]+)(\\s*=\\s*(?:\"([^\"]*)\"|([^\\s,\"]+)))?",
    Found = case re:run(Text, Word, [global, {capture, all_but_first, list}]) of {match, Words} -> Words; nomatch -> [] end,
    {_, Challenges} = lists:foldl(fun
        ([Scheme], {_, So}) -> {string:lowercase(Scheme), So#{string:lowercase(Scheme) => #{}}};
        ([_, _ | _], {none, So}) -> {none, So};
        ([Key, _ | Values], {Scheme, So}) ->
            Said = maps:get(Scheme, So),
            {Scheme, So#{Scheme := Said#{string:lowercase(Key) => lists:append(Values)}}}
    end, {none, #{}}, Found),
    Challenges.

%% Credentials go where nobody reads along: curl is told the scheme.
token(#{repository := Repository} = Place, #{"realm" := Realm} = Said, Credentials) ->
    Scope = "repository:" ++ Repository ++ ":pull",
    Query = uri_string:compose_query([{"scope", Scope} | [{"service", S} || #{"service" := S} <- [Said]]]),
    Separator = case lists:member($?, Realm) of true -> "&"; false -> "?" end,
    {Url, Headers} = case Credentials of
        none -> {[Realm, Separator, Query], []};
        {"<token>", Refresh} ->
            Form = uri_string:compose_query([{"grant_type", "refresh_token"}, {"refresh_token", Refresh}, {"client_id", "tsugi"}]),
            {Realm, {form, [Form, "&", Query]}};
        _ -> {[Realm, Separator, Query], [basic(Credentials)]}
    end,
    File = tsugi_unpack:staged_file(".token"),
    try curl(Place#{host => host(Realm)}, Url, Headers, File) of
        {200, _} ->
            case catch tsugi_json:decode(element(2, file:read_file(File))) of
                #{<<"token">> := Token} when is_binary(Token), Token =/= <<>> -> bearer(Token);
                #{<<"access_token">> := Token} when is_binary(Token) -> bearer(Token);
                _ -> no_token(Place, Realm, "200, without a token")
            end;
        %% To a login that is none, or may not do that.
        {Denied, _} when Denied =:= 400; Denied =:= 401; Denied =:= 403 -> none;
        {Status, _} -> no_token(Place, Realm, integer_to_list(Status))
    after
        file:delete(File)
    end;
token(_, _, _) -> none.

no_token(#{where := Where}, Realm, Said) ->
    Problem = ["its token server ", host(Realm), " answered ", Said],
    tsugi_error:throw('TSUGI_STORE_FAILED', #{store => Where, problem => Problem}).

bearer(Token) -> "authorization: Bearer " ++ binary_to_list(Token).

host(Url) ->
    case re:run(Url, "^https?://([^/]+)", [{capture, all_but_first, list}]) of
        {match, [Host]} -> Host;
        nomatch -> ""
    end.

%% --- curl -------------------------------------------------------------------------------------------

%% {Status, Challenge}. What is secret goes through a file that is ours alone: arguments can be read by others.
curl(#{host := Host, where := Where}, Url, Headers, File) ->
    Config = tsugi_unpack:staged_file(".curl"),
    Heads = Config ++ ".head",
    ok = filelib:ensure_dir(Config),
    Scheme = scheme(Host),
    Lines = [["url = ", quoted(Url)], ["output = ", quoted(File)], ["dump-header = ", quoted(Heads)],
             ["proto = ", quoted(["=", Scheme])], ["proto-redir = ", quoted(["=", Scheme])],
             "location", "silent", "show-error", "connect-timeout = 30", "speed-limit = 1", "speed-time = 60",
             "retry = 4", "write-out = \"%{http_code}\"" | given(Headers)],
    try
        private(Config, [[Line, "\n"] || Line <- Lines]),
        case tsugi_os:program(curl_path(Where), ["--disable", "--config", Config]) of
            {0, Said} ->
                {Status, ""} = string:to_integer(string:trim(Said)),
                {Status, challenge(Heads)};
            {Code, Said} ->
                Words = lists:last([["curl ended with ", integer_to_list(Code)] |
                                    [Line || "curl: " ++ _ = Line <- string:lexemes(Said, "\r\n")]]),
                tsugi_error:throw('TSUGI_STORE_FAILED', #{store => Where, problem => Words})
        end
    after
        file:delete(Config), file:delete(Heads)
    end.

curl_path(Where) ->
    case os:find_executable("curl") of
        false -> tsugi_error:throw('TSUGI_STORE_FAILED', #{store => Where, problem => "this host has no curl, which a registry is read with"});
        Curl -> Curl
    end.

given({form, Form}) -> [["data = ", quoted(Form)]];
given(Headers) -> [["header = ", quoted(Header)] || Header <- Headers].

quoted(Text) -> [$", re:replace(Text, "[\\\\\"]", "\\\\&", [global]), $"].

private(File, Data) ->
    ok = file:write_file(File, ""),
    ok = file:change_mode(File, 8#600),
    ok = file:write_file(File, Data).

%% Of the last answer, all of them: after a redirect, or another try, there are several answers.
challenge(File) ->
    Text = case file:read_file(File) of {ok, Bytes} -> Bytes; _ -> <<>> end,
    Last = lists:last(re:split(Text, "^HTTP/", [multiline, {return, binary}])),
    case re:run(Last, "(?im)^www-authenticate: *(.*?)\\r?$", [global, {capture, all_but_first, list}]) of
        {match, Found} -> lists:append(lists:join(", ", lists:append(Found)));
        nomatch -> ""
    end.
