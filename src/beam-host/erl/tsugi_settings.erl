%% releases/<vsn>/config.json overlaid by etc/config.json; times in milliseconds.
-module(tsugi_settings).
-export([get/2, all/1, rows/0, read/1, etc_hash/0, check/1, keeper/1]).

get(Vsn, Path) -> get_path(all(Vsn), Path).

get_path(Value, []) -> Value;
get_path(Map, [Key | Rest]) when is_map(Map) -> get_path(maps:get(Key, Map, null), Rest);
get_path(_, _) -> null.

all(Vsn) ->
    overlay(overlay(defaults(), read(tsugi_layout:release(Vsn, "config.json"))),
            read(tsugi_layout:at(["etc", "config.json"]))).

%% As contract/settings.ts has them: sections come before what is in them.
rows() ->
    {ok, Json} = file:read_file(filename:join(tsugi_layout:tsugi_priv(), "settings.json")),
    tsugi_json:decode(Json).

defaults() ->
    lists:foldl(fun(#{<<"path">> := Path, <<"default">> := Value}, Acc) ->
                        overlay(Acc, lists:foldr(fun(Key, Below) -> #{Key => Below} end, Value, keys(Path)));
                   (_, Acc) -> Acc
                end, #{}, rows()).

keys(Path) -> binary:split(Path, <<".">>).

read(File) ->
    case file:read_file(File) of
        {ok, Bytes} ->
            try tsugi_json:decode(Bytes) of
                Map when is_map(Map) -> check_kinds(Map, File), Map;
                _ -> invalid(File, "expected an object")
            catch error:_ -> invalid(File, "not JSON")
            end;
        {error, _} -> #{}
    end.

check_kinds(Map, File) ->
    [begin
         Value = get_path(Map, keys(Path)),
         Value =:= null orelse is_kind(Kind, Value) orelse
             invalid(File, io_lib:format("\"~ts\": expected ~ts, found ~ts",
                                         [Path, Kind, tsugi_json:encode(Value)]))
     end || #{<<"path">> := Path, <<"kind">> := Kind} <- rows()],
    ok.

is_kind(<<"an object">>, Value) -> is_map(Value);
is_kind(<<"a positive whole number">>, Value) -> is_integer(Value) andalso Value >= 1;
is_kind(<<"a whole number">>, Value) -> is_integer(Value) andalso Value >= 0;
is_kind(<<"a path that begins with \"/\"">>, Value) -> is_binary(Value) andalso binary:first(<<Value/binary, 0>>) =:= $/;
is_kind(<<"plain, json or raw">>, Value) -> lists:member(Value, [<<"plain">>, <<"json">>, <<"raw">>]);
is_kind(<<"a command">>, Value) -> is_binary(Value) andalso string:trim(Value) =/= <<>>;
is_kind(<<"an http or https URL">>, Value) ->
    is_binary(Value) andalso re:run(Value, "^https?://[^\\s/]+\\S*$") =/= nomatch;
is_kind(<<"true or false">>, Value) -> is_boolean(Value);
%% Of hosts of Node.js, which look at them more closely.
is_kind(<<"a size such as \"512M\"">>, Value) -> is_binary(Value);
is_kind(<<"times as cron has them, such as \"0 4 * * *\"">>, Value) -> is_binary(Value);
is_kind(<<"a port">>, Value) -> is_integer(Value) andalso Value >= 1 andalso Value < 65536.

-spec invalid(term(), term()) -> no_return().
invalid(File, Problem) -> invalid(File, "", Problem).

-spec invalid(term(), term(), term()) -> no_return().
invalid(File, Line, Problem) ->
    tsugi_error:throw('TSUGI_SETTINGS_INVALID', #{file => File, line => Line, problem => Problem}).

overlay(Base, Over) ->
    maps:fold(fun(Key, Value, Acc) ->
        case Acc of
            #{Key := Old} when is_map(Old), is_map(Value) -> Acc#{Key => overlay(Old, Value)};
            _ -> Acc#{Key => Value}
        end
    end, Base, Over).

%% Changes when any file of etc/ that a release reads does.
etc_hash() ->
    Files = lists:sort(filelib:wildcard(tsugi_layout:at(["etc", "*"]))),
    Bytes = [[filename:basename(File), 0, case file:read_file(File) of {ok, B} -> B; _ -> <<>> end]
             || File <- Files, is_read(filename:basename(File))],
    binary_to_list(<< <<(integer_to_binary(B, 16))/binary>> || <<B>> <= erlang:md5(Bytes) >>).

%% Keys are for the next release; a deploy has the environment of before and after beside env.
is_read(Name) -> Name =/= "trusted_keys" andalso not lists:prefix("env.", Name).

%% All of etc/ that a release reads. etc/env may hold secrets: readable by its owner only.
%% @throws TSUGI_ENV_EXPOSED, TSUGI_SETTINGS_INVALID
check(Vsn) ->
    File = tsugi_layout:at(["etc", "env"]),
    case file:read_file_info(File) of
        {ok, Info} ->
            Mode = element(8, Info) band 8#777,
            Mode band 8#077 =:= 0 orelse
                tsugi_error:throw('TSUGI_ENV_EXPOSED', #{file => File, mode => io_lib:format("~.8b", [Mode])});
        {error, _} -> ok
    end,
    Refuse = fun({Line, Problem}) -> invalid(File, io_lib:format(", line ~b,", [Line]), Problem) end,
    Unreadable = case file:read_file(File) of
        {ok, Bytes} -> tsugi_env:unreadable(Bytes);
        {error, _} -> none
    end,
    Unreadable =:= none orelse Refuse(Unreadable),
    case tsugi_env:parse_etc() of
        {_, []} -> ok;
        {_, [Problem | _]} -> Refuse(Problem)
    end,
    _ = all(Vsn),
    ok.

%% What the keeper (sh) reads.
keeper(Vsn) ->
    All = all(Vsn),
    Number = fun(Path) -> integer_to_list(get_path(All, Path)) end,
    Seconds = fun(Path) -> integer_to_list(max(1, get_path(All, Path) div 1000)) end,
    ["max=", Number([<<"restarts">>, <<"max">>]), "\n",
     "within=", Seconds([<<"restarts">>, <<"withinMs">>]), "\n",
     "max_bytes=", Number([<<"logs">>, <<"maxBytes">>]), "\n",
     "keep_logs=", Number([<<"logs">>, <<"keep">>]), "\n"].
