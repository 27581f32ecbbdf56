%% The report of an upgrade, in the shape of src/protocol/report.ts.
-module(tsugi_report).
-export([new/3, finish/3, append/1, last/0, all/0]).

new(From, To, Strategy) ->
    #{format => 1, from => text(From), to => text(To), strategy => atom_to_binary(Strategy),
      reasons => [], at => tsugi_time:iso(), steps => [], pauseMs => 0,
      quietMs => #{p50 => 0, p99 => 0, max => 0}, requests => #{waited => 0, underWay => 0},
      connections => #{carried => 0, drained => 0, lost => 0}, states => [], leftovers => [],
      result => <<"refused">>}.

finish(Report, Result, undefined) -> tsugi_mask:report(Report#{result => atom_to_binary(Result)});
finish(Report, Result, Error) ->
    tsugi_mask:report(Report#{result => atom_to_binary(Result), error => tsugi_error:to_map(Error)}).

%% Told to whoever waits for it in any case: a full disk costs the line, not the upgrade.
append(Report) ->
    try tsugi_files:append(tsugi_layout:at(["log", "upgrades.jsonl"]), [tsugi_json:encode(Report), "\n"])
    catch Class:Reason -> logger:error("log/upgrades.jsonl: ~tp", [{Class, Reason}])
    end.

last() ->
    case all() of
        [] -> undefined;
        Reports -> lists:last(Reports)
    end.

%% Every report that was ever written here; a line that a crash has cut off is none.
all() ->
    case file:read_file(tsugi_layout:at(["log", "upgrades.jsonl"])) of
        {ok, Bytes} ->
            lists:flatmap(fun(Line) -> try [tsugi_json:decode(Line)] catch _:_ -> [] end end,
                          [L || L <- binary:split(Bytes, <<"\n">>, [global]), L =/= <<>>]);
        _ -> []
    end.

text(Vsn) -> tsugi_json:text(Vsn).
