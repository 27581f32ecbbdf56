%% Words for a terminal of 80 columns: the same as src/control/output.ts, so that both kinds of
%% host read alike.
-module(tsugi_text).
-export([table/1, wrap/2, bytes/1, ms/1, age/1, count/2]).

-define(WIDTH, 80).

%% Columns as wide as their widest cell; the last one is not padded.
table(Rows0) ->
    Rows = [[unicode:characters_to_list(Cell) || Cell <- Row] || Row <- Rows0],
    Columns = lists:max([length(Row) || Row <- Rows]),
    Widths = [lists:max([length(lists:nth(N, Row)) || Row <- Rows, length(Row) >= N])
              || N <- lists:seq(1, Columns)],
    lists:join("\n", [string:trim(lists:join("  ", cells(Row, Widths)), trailing, " ") || Row <- Rows]).

cells([Last], _) -> [Last];
cells([Cell | Row], [Width | Widths]) -> [string:pad(Cell, Width) | cells(Row, Widths)].

%% Words at ?WIDTH, continuation lines indented. A hard space (16#a0) keeps two words together, and
%% comes out as a space.
wrap(Text, Indent) ->
    [First | Words] = string:split(unicode:characters_to_list(Text), " ", all),
    {Lines, Last} = lists:foldl(
        fun(Word, {Done, Line}) ->
            case length(Line) + 1 + length(Word) > ?WIDTH of
                true -> {[Line | Done], Indent ++ Word};
                false -> {Done, Line ++ " " ++ Word}
            end
        end, {[], First}, Words),
    soften(lists:join("\n", lists:reverse([Last | Lines]))).

soften(Text) -> [case C of 16#a0 -> $\s; _ -> C end || C <- lists:flatten(Text)].

bytes(Bytes) -> bytes(Bytes, ["B", "KB", "MB", "GB"]).

bytes(Value, [_, Next | Units]) when Value >= 1024 -> bytes(Value / 1024, [Next | Units]);
bytes(Value, [Unit | _]) when is_integer(Value); Value >= 100 ->
    lists:concat([round(Value), " ", Unit]);
bytes(Value, [Unit | _]) -> io_lib:format("~.1f ~s", [Value, Unit]).

ms(Ms) when Ms >= 10000 -> io_lib:format("~.1f s", [Ms / 1000]);
ms(Ms) when Ms >= 1000 -> io_lib:format("~.2f s", [Ms / 1000]);
ms(Ms) when Ms >= 10 -> io_lib:format("~b ms", [round(Ms)]);
ms(Ms) ->
    case round(Ms * 10) of
        Tenths when Tenths rem 10 =:= 0 -> io_lib:format("~b ms", [Tenths div 10]);
        Tenths -> io_lib:format("~b.~b ms", [Tenths div 10, Tenths rem 10])
    end.

%% As `pm2 ls` has it: 3d, 5h, 12m, 40s.
age(Since) ->
    Seconds = max(0, erlang:system_time(second) - calendar:rfc3339_to_system_time(unicode:characters_to_list(Since))),
    {Size, Unit} = if Seconds >= 86400 -> {86400, "d"}; Seconds >= 3600 -> {3600, "h"};
                      Seconds >= 60 -> {60, "m"}; true -> {1, "s"} end,
    [integer_to_list(Seconds div Size), Unit].

%% "3 requests", "1 request".
count(1, Noun) -> ["1 ", Noun];
count(Number, Noun) -> [integer_to_list(Number), " ", Noun, "s"].
