%% What errors and reports say without the values of etc/env, as src/protocol/mask.ts has it. A configuration may
%% raise with its whole environment; the words of that go to a terminal and into log/upgrades.jsonl. What
%% the application prints itself is not looked at.
-module(tsugi_mask).
-export([text/1, report/1]).

%% Shorter ones stand in innocent words too: a port, `true`.
-define(MIN_LENGTH, 8).
-define(MASK, <<"***">>).
%% Where a host is and what it is for: everybody knows, and errors need it.
-define(PUBLIC, "^(localhost|production|development|staging|(\\d{1,3}\\.){3}\\d{1,3})$").
%% Keys that hold what somebody said; the others are words and numbers of our own.
-define(SAID, [message, hint, details, reasons, leftovers, run, rehearsed]).

%% What stands between `://` and `@`: src/contract/login.ts says what is none.
-define(LOGIN, "(?<=://)(?:[^\\s/@:[]*:(?!\\d{1,5}\\b(?![^\\s/]*@))(?:[^\\s/]*|\\S*)@|(?<!ssh://)[^\\s/@]+@)").

%% By what this process was started with.
text(Text) -> masked(without_login(Text), forms(in_environment())).

without_login(Text) -> re:replace(Text, ?LOGIN, <<"***@">>, [global, caseless, {return, binary}]).

%% And by what etc/env says now: a configuration that failed was evaluated with that.
report(Report) -> within(Report, false, forms(in_environment() ++ in_file())).

within(Text, true, Forms) when is_binary(Text) -> masked(Text, Forms);
within(Map, IsSaid, Forms) when is_map(Map) ->
    maps:map(fun(Key, Value) -> within(Value, IsSaid orelse lists:member(Key, ?SAID), Forms) end, Map);
within(List, IsSaid, Forms) when is_list(List) -> [within(Item, IsSaid, Forms) || Item <- List];
within(Value, _, _) -> Value.

masked(Text, Forms) ->
    lists:foldl(fun(Form, Acc) -> binary:replace(Acc, Form, ?MASK, [global]) end, Text, Forms).

in_environment() -> [os:getenv(Key, "") || Key <- string:lexemes(os:getenv("TSUGI_ETC", ""), " ")].

in_file() -> try [Value || {_, Value} <- element(1, tsugi_env:parse_etc())] catch _:_ -> [] end.

%% Longest first: one may be a part of another.
forms(Values) ->
    Known = [Text || Value <- lists:usort(Values), Text <- [tsugi_json:text(Value)], is_told(Text)],
    Forms = lists:usort(lists:append([written(Text) || Text <- Known])),
    lists:sort(fun(A, B) -> byte_size(A) >= byte_size(B) end, Forms).

is_told(Text) ->
    Root = tsugi_json:text(tsugi_layout:root()),
    byte_size(Text) >= ?MIN_LENGTH
        andalso binary:match(Root, Text) =:= nomatch
        andalso string:prefix(Text, <<Root/binary, "/">>) =:= nomatch
        andalso re:run(Text, ?PUBLIC, [{capture, none}]) =:= nomatch.

%% As it stands in JSON and in what `inspect` shows, in either of them within the other, and in a URL.
written(Text) ->
    Lines = [Line || Line <- binary:split(Text, [<<"\r\n">>, <<"\n">>], [global]), byte_size(Line) >= ?MIN_LENGTH],
    lists:append([[Each, escaped(Each), escaped(escaped(Each)), uri_string:quote(Each)] || Each <- [Text | Lines]]).

escaped(Text) ->
    Quoted = iolist_to_binary(tsugi_json:encode(Text)),
    binary:part(Quoted, 1, byte_size(Quoted) - 2).
