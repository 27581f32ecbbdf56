%% The report of an upgrade, in the shape of src/protocol/report.ts.
-module(tsugi_report).
-export([new/3, finish/3, append/1, last/0, render/1, strategy_text/1]).

new(From, To, Strategy) ->
    #{format => 1, from => text(From), to => text(To), strategy => atom_to_binary(Strategy),
      reasons => [], at => tsugi_time:iso(), steps => [], pauseMs => 0,
      quietMs => #{p50 => 0, p99 => 0, max => 0}, requests => #{waited => 0, underWay => 0},
      connections => #{carried => 0, drained => 0, lost => 0}, states => [], leftovers => [],
      result => <<"refused">>}.

finish(Report, Result, undefined) -> Report#{result => atom_to_binary(Result)};
finish(Report, Result, Error) ->
    (Report)#{result => atom_to_binary(Result), error => tsugi_error:to_map(Error)}.

append(Report) ->
    tsugi_files:append(tsugi_layout:at(["log", "upgrades.jsonl"]), [tsugi_json:encode(Report), "\n"]).

last() ->
    case file:read_file(tsugi_layout:at(["log", "upgrades.jsonl"])) of
        {ok, Bytes} ->
            Lines = [L || L <- binary:split(Bytes, <<"\n">>, [global]), L =/= <<>>],
            case Lines of [] -> undefined; _ -> tsugi_json:decode(lists:last(Lines)) end;
        _ -> undefined
    end.

strategy_text(Strategy) -> atom_to_binary(Strategy).

text(Vsn) -> tsugi_json:text(Vsn).

%% What a terminal shows.
render(Json) ->
    Get = fun(Key, Default) -> maps:get(Key, Json, Default) end,
    States = Get(<<"states">>, []),
    [io_lib:format("~ts → ~ts: ~ts (~ts)~n", [Get(<<"from">>, <<>>), Get(<<"to">>, <<>>),
                                             Get(<<"result">>, <<>>), Get(<<"strategy">>, <<>>)]),
     io_lib:format("  pause ~s ms, ~p processes carried, ~p messages waited~n",
                   [number(Get(<<"pauseMs">>, 0)), length(States),
                    maps:get(<<"waited">>, Get(<<"requests">>, #{}), 0)]),
     [io_lib:format("  state of ~ts: ~ts → ~ts~n", [Name, show(F), show(T)])
      || #{<<"name">> := Name, <<"from">> := F, <<"to">> := T} <- lists:sublist(States, 10)],
     [io_lib:format("  state as of ~ts~n", [S]) || S <- [Get(<<"stateAsOf">>, null)], S =/= null],
     [["  still there: ", L, "\n"] || L <- Get(<<"leftovers">>, [])]].

number(N) when is_integer(N) -> integer_to_list(N);
number(N) -> io_lib:format("~.1f", [N]).

show(null) -> <<"(new)">>;
show(N) when is_integer(N) -> integer_to_binary(N);
show(Text) -> Text.
