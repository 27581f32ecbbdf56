%% releases/<vsn>/config.json overlaid by etc/config.json; times in milliseconds.
-module(tsugi_settings).
-export([get/2, all/1, etc_hash/0, check/1, keeper/1]).

get(Vsn, Path) -> get_path(all(Vsn), Path).

get_path(Value, []) -> Value;
get_path(Map, [Key | Rest]) when is_map(Map) -> get_path(maps:get(Key, Map, null), Rest);
get_path(_, _) -> null.

all(Vsn) ->
    overlay(overlay(defaults(), read(tsugi_layout:release(Vsn, "config.json"))),
            read(tsugi_layout:at(["etc", "config.json"]))).

defaults() ->
    #{<<"health">> => #{<<"intervalMs">> => 500, <<"healthyAfter">> => 2},
      <<"timeouts">> => #{<<"readyMs">> => 30000, <<"freezeMs">> => 2000, <<"drainMs">> => 30000,
                          <<"probationMs">> => 5000, <<"rehearseMs">> => 60000, <<"stopMs">> => 30000},
      <<"restarts">> => #{<<"max">> => 5, <<"withinMs">> => 60000},
      <<"logs">> => #{<<"maxBytes">> => 10485760, <<"keep">> => 5},
      <<"keepReleases">> => 5}.

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

%% As src/host/handler/settings.ts. Sections come before what is in them.
kinds() ->
    [{"health", object}, {"health.path", text}, {"health.port", port},
     {"health.intervalMs", positive}, {"health.healthyAfter", positive},
     {"timeouts", object}, {"timeouts.readyMs", positive}, {"timeouts.readyAfterMs", whole},
     {"timeouts.freezeMs", positive}, {"timeouts.drainMs", whole}, {"timeouts.probationMs", whole},
     {"timeouts.rehearseMs", positive}, {"timeouts.stopMs", positive},
     {"restarts", object}, {"restarts.max", whole}, {"restarts.withinMs", positive},
     {"logs", object}, {"logs.maxBytes", positive}, {"logs.keep", whole}, {"keepReleases", positive}].

check_kinds(Map, File) ->
    [begin
         Value = get_path(Map, [list_to_binary(Key) || Key <- string:split(Path, ".")]),
         Value =:= null orelse is_kind(Kind, Value) orelse
             invalid(File, io_lib:format("\"~s\": expected ~s, found ~ts",
                                         [Path, kind_text(Kind), tsugi_json:encode(Value)]))
     end || {Path, Kind} <- kinds()],
    ok.

is_kind(object, Value) -> is_map(Value);
is_kind(positive, Value) -> is_integer(Value) andalso Value >= 1;
is_kind(whole, Value) -> is_integer(Value) andalso Value >= 0;
is_kind(text, Value) -> is_binary(Value);
is_kind(port, Value) -> is_integer(Value) andalso Value >= 1 andalso Value < 65536.

kind_text(object) -> "an object";
kind_text(positive) -> "a positive whole number";
kind_text(whole) -> "a whole number";
kind_text(text) -> "a text";
kind_text(port) -> "a port".

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
    case tsugi_env:parse_etc() of
        {_, []} -> ok;
        {_, [{Line, Problem} | _]} -> invalid(File, io_lib:format(", line ~b,", [Line]), Problem)
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
