%% status --watch: what runs, anew each second until Ctrl-C, as src/control/watch has it: in place on a terminal
%% (priv/main.sh gives it back), one below the other elsewhere, one document a line with --json.
-module(tsugi_watch).
-export([watch/1, busy/0]).

-define(EVERY_MS, 1000).

-spec watch(map()) -> no_return().
watch(Options) ->
    Show = case {maps:is_key("--json", Options), os:getenv("TSUGI_TERMINAL", "")} of
        {true, _} -> fun(_, Now) -> tsugi_cli:print([tsugi_json:encode(Now), "\n"]) end;
        {_, ""} -> fun(Before, Now) -> tsugi_cli:print([picture(Before, Now), "\n\n"]) end;
        {_, Terminal} -> fun(Before, Now) -> draw(picture(Before, Now), Terminal) end
    end,
    again(none, Show).

again(Before, Show) ->
    Now = glance(),
    %% A reader that has gone (`| head`) is no reason to fail.
    _ = try ok = Show(Before, Now) catch _:_ -> erlang:halt(0) end,
    timer:sleep(?EVERY_MS),
    again(Now, Show).

glance() ->
    LastUpgrade = case tsugi_report:last() of undefined -> null; Report -> Report end,
    #{at => tsugi_time:iso(), status => status(), lastUpgrade => LastUpgrade}.

status() ->
    case tsugi_remote:vm_pid() of
        none -> tsugi_ask:stopped();
        _ ->
            try tsugi_remote:call(?MODULE, busy, [])
            catch Class:Reason:Stack -> #{error => tsugi_error:to_map(tsugi_error:from_reason(Class, Reason, Stack))}
            end
    end.

%% In the node.
busy() ->
    #{processes := [#{slots := [Slot]} = Process]} = Status = tsugi_server:status(),
    Busy = Slot#{connections => length(tsugi_connections:sockets()), vmProcesses => erlang:system_info(process_count)},
    Status#{processes => [Process#{slots => [Busy]}]}.

picture(Before, #{status := Status, lastUpgrade := LastUpgrade} = Now) ->
    Lines = case Status of
        #{processes := _} -> [head(Now), "\n", table(Before, Now), tsugi_ask:remarks(Status)];
        #{error := #{message := Message}} -> Message
    end,
    [Lines, "\n\n", last_upgrade(LastUpgrade)].

head(#{at := At, status := #{name := Name, version := Vsn, status := Status, since := Since}}) ->
    [Name, " ", Vsn, ", ", Status, " for ", tsugi_text:age(Since), "  ·  ", binary:part(At, 11, 8), " UTC"].

table(Before, #{at := At, status := #{processes := [#{name := Name, slots := [Slot]}]}}) ->
    #{pid := Pid, restarts := Restarts, rssBytes := Rss, connections := Open, vmProcesses := Processes,
      healthy := Healthy} = Slot,
    tsugi_text:table([["worker", "pid", "restarts", "cpu", "memory", "processes", "open", "health"],
                      [[Name, ".0"], integer_to_list(Pid), integer_to_list(Restarts), cpu(Before, At, Slot),
                       tsugi_text:bytes(Rss), integer_to_list(Processes), integer_to_list(Open),
                       case Healthy of true -> "ok"; false -> "unhealthy" end]]).

%% Of one processor, since the glance before.
cpu(#{at := Was, status := #{processes := [#{slots := [#{pid := Pid, cpuMs := Before}]}]}}, At, #{pid := Pid, cpuMs := Now}) ->
    integer_to_list(round(100 * (Now - Before) / max(1, ms(At) - ms(Was)))) ++ "%";
cpu(_, _, _) -> "-".

ms(Iso) -> calendar:rfc3339_to_system_time(binary_to_list(Iso), [{unit, millisecond}]).

last_upgrade(#{<<"from">> := From, <<"to">> := To, <<"strategy">> := Strategy, <<"result">> := Result, <<"at">> := At,
               <<"pauseMs">> := PauseMs, <<"connections">> := Connections} = Report) ->
    #{<<"carried">> := Carried, <<"drained">> := Drained, <<"lost">> := Lost} = Connections,
    [["Last upgrade ", From, " → ", To, " by ", Strategy, ", ", tsugi_text:age(At), " ago: ", Result],
     [["\n  ", Message] || #{<<"error">> := #{<<"message">> := Message}} <- [Report]],
     ["\n  pause        ", case PauseMs of 0 -> "none"; _ -> tsugi_text:ms(PauseMs) end],
     io_lib:format("\n  connections  ~b carried, ~b drained, ~b lost", [Carried, Drained, Lost])];
last_upgrade(_) -> "No upgrade yet".

%% Lines are written over, never wiped first: that would flicker. All at once where a terminal knows how to.
draw(Text, Terminal) ->
    {Rows, Columns} = size_of(Terminal),
    Lines = fitted(string:split(unicode:characters_to_list(unicode:characters_to_binary(Text)), "\n", all), Rows, Columns),
    tsugi_cli:print(["\e[?2026h\e[H", lists:join("\r\n", [[Line, "\e[K"] || Line <- Lines]), "\e[J\e[?2026l"]).

fitted(Lines, Rows, Columns) when length(Lines) =< Rows -> [cut(Line, Columns) || Line <- Lines];
fitted(Lines, Rows, Columns) ->
    Shown = lists:sublist(Lines, max(0, Rows - 1)),
    More = io_lib:format("… ~b more lines", [length(Lines) - length(Shown)]),
    [cut(Line, Columns) || Line <- Shown ++ [lists:flatten(More)]].

cut(Line, Columns) when length(Line) =< Columns -> Line;
cut(Line, Columns) -> lists:sublist(Line, Columns - 1) ++ "…".

%% It may have another one each time.
size_of(Terminal) ->
    case [string:to_integer(Word) || Word <- string:lexemes(os:cmd("stty size 2>/dev/null < " ++ Terminal), " \n")] of
        [{Rows, []}, {Columns, []}] when Rows > 0, Columns > 0 -> {Rows, Columns};
        _ -> {24, 80}
    end.
