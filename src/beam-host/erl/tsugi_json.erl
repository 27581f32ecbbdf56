%% JSON, as much as tsugi needs: maps, lists, binaries, numbers, true, false, null.
%% Strings (lists of characters) are written as {s, Chars} or made binaries by text/1.
-module(tsugi_json).
-export([encode/1, pretty/1, decode/1, text/1]).

%% Anything printable as a JSON string.
text(Binary) when is_binary(Binary) -> Binary;
text(Atom) when is_atom(Atom) -> atom_to_binary(Atom);
text(Integer) when is_integer(Integer) -> integer_to_binary(Integer);
text(Chars) when is_list(Chars) ->
    case unicode:characters_to_binary(Chars) of
        Binary when is_binary(Binary) -> Binary;
        _ -> unicode:characters_to_binary(io_lib:format("~tp", [Chars]))
    end;
text(Term) -> unicode:characters_to_binary(io_lib:format("~0tp", [Term])).

encode(Value) -> unicode:characters_to_binary(enc(Value)).

enc(null) -> "null";
enc(true) -> "true";
enc(false) -> "false";
enc(Integer) when is_integer(Integer) -> integer_to_list(Integer);
enc(Float) when is_float(Float) -> io_lib:format("~.3f", [Float]);
enc(Binary) when is_binary(Binary) -> [$", escape(Binary), $"];
enc(Atom) when is_atom(Atom) -> enc(atom_to_binary(Atom));
enc(Map) when is_map(Map) ->
    Pairs = lists:sort([{text(Key), Value} || {Key, Value} <- maps:to_list(Map)]),
    [${, lists:join($,, [[enc(Key), $:, enc(Value)] || {Key, Value} <- Pairs]), $}];
enc(List) when is_list(List) -> [$[, lists:join($,, [enc(Item) || Item <- List]), $]].

%% For people: two spaces a level, as JSON.stringify(value, null, 2).
pretty(Value) -> unicode:characters_to_binary(pretty(Value, "\n")).

pretty(Map, Break) when is_map(Map), map_size(Map) > 0 ->
    Inner = Break ++ "  ",
    Pairs = lists:sort([{text(Key), Value} || {Key, Value} <- maps:to_list(Map)]),
    [${, lists:join($,, [[Inner, enc(Key), ": ", pretty(Value, Inner)] || {Key, Value} <- Pairs]), Break, $}];
pretty([_ | _] = List, Break) ->
    Inner = Break ++ "  ",
    [$[, lists:join($,, [[Inner, pretty(Item, Inner)] || Item <- List]), Break, $]];
pretty(Value, _) -> enc(Value).

escape(Binary) -> [escape_char(Char) || Char <- chars(Binary)].

chars(Binary) ->
    case unicode:characters_to_list(Binary) of
        Chars when is_list(Chars) -> Chars;
        _ -> binary_to_list(Binary)
    end.

escape_char($") -> "\\\"";
escape_char($\\) -> "\\\\";
escape_char($\n) -> "\\n";
escape_char($\r) -> "\\r";
escape_char($\t) -> "\\t";
escape_char(Char) when Char < 32 -> io_lib:format("\\u~4.16.0b", [Char]);
escape_char(Char) -> Char.

%% --- decoding -----------------------------------------------------------------------------------

decode(Binary) ->
    {Value, Rest} = value(space(Binary)),
    <<>> = space(Rest),
    Value.

value(<<"null", Rest/binary>>) -> {null, Rest};
value(<<"true", Rest/binary>>) -> {true, Rest};
value(<<"false", Rest/binary>>) -> {false, Rest};
value(<<${, Rest/binary>>) -> object(space(Rest), #{});
value(<<$[, Rest/binary>>) -> list(space(Rest), []);
value(<<$", Rest/binary>>) -> string(Rest, []);
value(Rest) -> number(Rest, []).

object(<<$}, Rest/binary>>, Map) -> {Map, Rest};
object(<<$,, Rest/binary>>, Map) -> object(space(Rest), Map);
object(<<$", Rest/binary>>, Map) ->
    {Key, Rest1} = string(Rest, []),
    <<$:, Rest2/binary>> = space(Rest1),
    {Value, Rest3} = value(space(Rest2)),
    object(space(Rest3), Map#{Key => Value}).

list(<<$], Rest/binary>>, Items) -> {lists:reverse(Items), Rest};
list(<<$,, Rest/binary>>, Items) -> list(space(Rest), Items);
list(Rest, Items) ->
    {Item, Rest1} = value(Rest),
    list(space(Rest1), [Item | Items]).

string(<<$", Rest/binary>>, Chars) -> {iolist_to_binary(lists:reverse(Chars)), Rest};
string(<<$\\, $u, Hex:4/binary, Rest/binary>>, Chars) -> unicode_escape(Hex, Rest, Chars);
string(<<$\\, Char, Rest/binary>>, Chars) ->
    string(Rest, [case Char of $n -> $\n; $t -> $\t; $r -> $\r; $b -> $\b; $f -> $\f; _ -> Char end
                  | Chars]);
string(<<Char, Rest/binary>>, Chars) -> string(Rest, [Char | Chars]).

unicode_escape(Hex, Rest, Chars) ->
    case {binary_to_integer(Hex, 16), Rest} of
        {High, <<$\\, $u, Low:4/binary, Rest1/binary>>} when High >= 16#D800, High < 16#DC00 ->
            Point = 16#10000 + ((High - 16#D800) bsl 10) + (binary_to_integer(Low, 16) - 16#DC00),
            string(Rest1, [<<Point/utf8>> | Chars]);
        {Point, _} -> string(Rest, [<<Point/utf8>> | Chars])
    end.

number(<<Char, Rest/binary>>, Chars)
  when Char >= $0, Char =< $9; Char =:= $-; Char =:= $+; Char =:= $.; Char =:= $e; Char =:= $E ->
    number(Rest, [Char | Chars]);
number(Rest, Chars) when Chars =/= [] ->
    Text = lists:reverse(Chars),
    {case string:to_integer(Text) of
         {Integer, []} -> Integer;
         _ -> list_to_float(Text)
     end, Rest}.

space(<<Char, Rest/binary>>) when Char =:= 32; Char =:= $\n; Char =:= $\r; Char =:= $\t -> space(Rest);
space(Rest) -> Rest.
