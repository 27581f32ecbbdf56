%% The report of an upgrade, in the shape of src/protocol/report.ts.
-module(tsugi_report).
-export([new/3, entered/2, failing/1, finish/3, append/1, last/0, all/0]).

%% A report is a few KB long.
-define(TAIL_BYTES, 262144).

new(From, To, Strategy) ->
    #{format => 1, from => text(From), to => text(To), strategy => atom_to_binary(Strategy),
      reasons => [], at => tsugi_time:iso(), steps => [], pauseMs => 0,
      quietMs => #{p50 => 0, p99 => 0, max => 0}, requests => #{waited => 0, underWay => 0},
      connections => #{carried => 0, drained => 0, lost => 0}, states => [], leftovers => [],
      result => <<"refused">>}.

entered(#{steps := Steps} = Report, Entry) -> Report#{steps => Steps ++ [Entry]}.

%% The last step is the one that ended it.
failing(#{steps := Steps} = Report) -> Report#{steps => lists:droplast(Steps) ++ [(lists:last(Steps))#{failed => true}]}.

finish(Report, Result, undefined) -> tsugi_mask:report(Report#{result => atom_to_binary(Result)});
finish(Report, Result, Error) ->
    tsugi_mask:report(Report#{result => atom_to_binary(Result), error => tsugi_error:to_map(Error)}).

%% Told to whoever waits for it in any case: a full disk costs the line, not the upgrade.
append(Report) ->
    try tsugi_files:append(upgrades_log(), [tsugi_json:encode(Report), "\n"])
    catch Class:Reason -> logger:error("log/upgrades.jsonl: ~tp", [{Class, Reason}])
    end.

%% The file may be long.
last() ->
    case file:open(upgrades_log(), [read, raw, binary]) of
        {ok, File} ->
            {ok, Size} = file:position(File, eof),
            Read = file:pread(File, max(0, Size - ?TAIL_BYTES), ?TAIL_BYTES),
            ok = file:close(File),
            case Read of
                {ok, Bytes} -> last_of(reports(Bytes));
                _ -> undefined
            end;
        _ -> undefined
    end.

last_of([]) -> undefined;
last_of(Reports) -> lists:last(Reports).

%% Every report that was ever written here; a line that a crash has cut off is none.
all() ->
    case file:read_file(upgrades_log()) of
        {ok, Bytes} -> reports(Bytes);
        _ -> []
    end.

reports(Bytes) ->
    lists:flatmap(fun(Line) -> try [tsugi_json:decode(Line)] catch _:_ -> [] end end,
                  [L || L <- binary:split(Bytes, <<"\n">>, [global]), L =/= <<>>]).

upgrades_log() -> tsugi_layout:at(["log", "upgrades.jsonl"]).

text(Vsn) -> tsugi_json:text(Vsn).
