%% Faults on purpose, as src/platform/faults.ts, which has the protocol: TSUGI_FAULT=<label>=<kind> strikes
%% once in this VM, TSUGI_FAULT=<folder> is for every VM of the root and knows `hold` too. Unset, it costs
%% one look at the environment.
-module(tsugi_fault).
-export([strike/1, strike/3]).

-define(HOLD_POLL_MS, 2).

strike(Label) -> strike(Label, none, <<>>).

%% File = where half of Data is written when the write is to be torn.
strike(Label, File, Data) ->
    case os:getenv("TSUGI_FAULT", "") of
        "" -> ok;
        "/" ++ _ = Folder -> pass(Folder, Label, File, Data);
        Armed ->
            case string:split(Armed, "=", trailing) of
                [Label, Kind] -> os:unsetenv("TSUGI_FAULT"), hit(Kind, File, Data);
                _ -> ok
            end
    end.

pass(Folder, Label, File, Data) ->
    [Passed, Armed, Held] = [filename:join(Folder, Name) || Name <- ["passed", "armed", "held"]],
    ok = file:write_file(Passed, [os:getpid(), " ", Label, "\n"], [append]),
    {ok, Lines} = file:read_file(Passed),
    Times = length(binary:matches(Lines, list_to_binary([" ", Label, "\n"]))),
    case string:split(tsugi_files:read_text(Armed), "=", trailing) of
        ["*", "hold"] -> hold(Held, Label);
        [Wanted, Kind] ->
            case lists:concat([Label, "#", Times]) of
                Wanted ->
                    ok = file:delete(Armed),
                    case Kind of "hold" -> hold(Held, Label); _ -> hit(Kind, File, Data) end;
                _ -> ok
            end;
        _ -> ok
    end.

hold(Held, Label) ->
    ok = file:write_file(Held ++ ".next", [os:getpid(), " ", Label]),
    ok = file:rename(Held ++ ".next", Held),
    wait_released(Held).

wait_released(Held) ->
    case filelib:is_regular(Held) of
        true -> timer:sleep(?HOLD_POLL_MS), wait_released(Held);
        false -> ok
    end.

%% As `ok = file:write(…)` would fail.
hit("eio", _, _) -> erlang:error({badmatch, {error, eio}});
hit("enospc", _, _) -> erlang:error({badmatch, {error, enospc}});
hit("torn", File, Data) when File =/= none ->
    ok = file:write_file(File, binary:part(Data, 0, byte_size(Data) div 2), [append]),
    hit("kill", File, Data);
hit(_, _, _) ->
    _ = os:cmd("kill -9 " ++ os:getpid()),
    timer:sleep(infinity).
