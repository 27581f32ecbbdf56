%% Finds what looks like a secret in a built-in configuration: a value under a telling key, or a
%% URL with a password in it. Answers places, `app key.key`, never values.
-module(tsugi_secrets).
-export([find/1]).

find(Config) ->
    lists:usort(lists:flatmap(
        fun({App, Env}) when is_list(Env) ->
                [io_lib:format("~ts ~ts", [App, lists:join(".", Path)]) || Path <- walk(Env, [])];
           (_) -> []
        end, Config)).

walk(Map, Path) when is_map(Map) -> walk(maps:to_list(maps:remove('__struct__', Map)), Path);
walk([Head | Tail] = List, Path) when is_tuple(Head); is_list(Head); is_map(Head) ->
    case io_lib:printable_unicode_list(List) of
        true -> [];
        false -> walk(Head, Path) ++ (case is_list(Tail) of true -> walk(Tail, Path); _ -> [] end)
    end;
walk([_ | Tail], Path) when is_list(Tail) -> walk(Tail, Path);
walk({Key, Value}, Path) when is_atom(Key); is_binary(Key) ->
    Here = Path ++ [to_text(Key)],
    case is_text(Value) andalso is_secret(to_text(Key), Value) of
        true -> [Here];
        false -> walk(Value, Here)
    end;
walk(Tuple, Path) when is_tuple(Tuple) -> lists:flatmap(fun(E) -> walk(E, Path) end, tuple_to_list(Tuple));
walk(_, _) -> [].

to_text(Key) when is_atom(Key) -> atom_to_list(Key);
to_text(Key) -> unicode:characters_to_list(Key).

is_text(Value) when is_binary(Value) -> Value =/= <<>>;
is_text([_ | _] = Value) -> io_lib:printable_unicode_list(Value);
is_text(_) -> false.

is_secret(Key, Value) ->
    (matches(Key, "(?i)(password|passwd|secret|token|api_?key|private_?key|access_?key|credential|cookie)")
     andalso not matches(Key, "(?i)(salt|token_header|header|param|_name|_path|_file|module|_ttl|_age)$"))
    orelse matches(Value, "^[a-z][a-z0-9+.-]*://[^/@:\\s]*:[^/@\\s]+@")
    orelse matches(Value, "-----BEGIN [A-Z ]*PRIVATE KEY-----").

matches(Text, Pattern) ->
    case unicode:characters_to_binary(Text) of
        Binary when is_binary(Binary) -> re:run(Binary, Pattern, [{capture, none}]) =:= match;
        _ -> false
    end.
