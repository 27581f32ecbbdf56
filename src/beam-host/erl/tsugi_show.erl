%% The measured report of an upgrade, and a plan, as src/control/formatReport.ts and
%% src/relup/explain.ts show them. Both take decoded JSON: keys are binaries.
-module(tsugi_show).
-export([report/2, plan/1]).

%% Asked = #{direction => upgrade | downgrade | rollback | reload, checkOnly => boolean()}
report(Report, Asked) ->
    #{<<"strategy">> := Strategy, <<"reasons">> := Reasons, <<"steps">> := Steps, <<"states">> := States} = Report,
    HasChanged = has_changed(Report) andalso not maps:get(checkOnly, Asked, false),
    Rows = [{"strategy", [Strategy, ": ", lists:join("; ", Reasons)]} || Reasons =/= []]
        ++ [{"steps", lists:join(" · ", [step(Step) || Step <- Steps])} || Steps =/= []]
        ++ case HasChanged of true -> measured(Report); false -> [] end
        ++ [{"state", state(State)} || State <- States]
        ++ [{"pages", pages(Pages)} || #{<<"pages">> := Pages} <- [Report]]
        ++ [{"throughput", Text} || Text <- throughput(Report)]
        ++ [{"state as of", AsOf} || #{<<"stateAsOf">> := AsOf} <- [Report]]
        ++ [{"left of old", leftovers(Report)} || HasChanged],
    lists:join("\n", [headline(Report, Asked) | [row(Label, Text) || {Label, Text} <- Rows]]).

has_changed(#{<<"result">> := Result, <<"strategy">> := Strategy}) ->
    not lists:member(Result, [<<"refused">>, <<"checked">>]) andalso Strategy =/= <<"none">>.

row(Label, Text) ->
    Line = ["  ", string:pad(Label, 12), " ", Text],
    tsugi_text:wrap(keep_together(unicode:characters_to_list(Line)), lists:duplicate(15, $\s)).

%% Columns survive the wrapping of words; a number and its unit stay on one line.
keep_together([]) -> [];
keep_together([$\s | _] = Line) ->
    case lists:splitwith(fun(C) -> C =:= $\s end, Line) of
        {" ", Rest} -> [case is_unit(Rest) of true -> 16#a0; false -> $\s end | keep_together(Rest)];
        {Spaces, Rest} -> [16#a0 || _ <- Spaces] ++ keep_together(Rest)
    end;
keep_together([C | Rest]) -> [C | keep_together(Rest)].

is_unit(Text) -> re:run(Text, "^(ms|s|B|KB|MB|GB)\\b", [unicode, {capture, none}]) =:= match.

step(#{<<"name">> := Name, <<"ms">> := Ms} = Step) ->
    Failed = case Step of #{<<"failed">> := true} -> " failed after "; _ -> " " end,
    [case C of $\s -> 16#a0; _ -> C end
     || C <- unicode:characters_to_list([Name, Failed, tsugi_text:ms(Ms)])].

measured(#{<<"pauseMs">> := PauseMs, <<"quietMs">> := Quiet, <<"requests">> := Requests,
           <<"connections">> := Connections}) ->
    #{<<"waited">> := Waited, <<"underWay">> := UnderWay} = Requests,
    #{<<"carried">> := Carried, <<"drained">> := Drained, <<"lost">> := Lost} = Connections,
    #{<<"p50">> := P50, <<"p99">> := P99, <<"max">> := Max} = Quiet,
    [{"pause", case PauseMs > 0 of true -> tsugi_text:ms(PauseMs); false -> "none" end},
     {"requests", [io_lib:format("~b waited, ~b under way when it began", [Waited, UnderWay]),
                  [io_lib:format(", ~b could not be held", [N]) || #{<<"notHeld">> := N} <- [Requests]],
                  [io_lib:format(", ~b failed", [N]) || #{<<"failed">> := N} <- [Requests]]]},
     {"connections",
      [io_lib:format("~b carried, ~b drained, ~b lost", [Carried, Drained, Lost]),
       [[" (quiet p50 ", tsugi_text:ms(P50), ", p99 ", tsugi_text:ms(P99), ", at most ", tsugi_text:ms(Max), ")"]
        || Carried > 0]]}].

leftovers(#{<<"leftovers">> := []}) -> "nothing";
leftovers(#{<<"leftovers">> := Leftovers}) -> lists:join(", ", Leftovers).

%% Of a state whose size is felt: below a megabyte the fixed costs of a transfer are all one would see.
throughput(#{<<"strategy">> := <<"swap">>}) -> [];
throughput(#{<<"states">> := States, <<"steps">> := Steps}) ->
    Bytes = lists:sum([Each || #{<<"bytes">> := Each} <- States]),
    [[tsugi_text:bytes(Bytes), " carried in ", tsugi_text:ms(Ms), ", ",
      tsugi_text:bytes(round(Bytes * 1000 / max(Ms, 0.1))), "/s"]
     || Bytes >= 1000000, #{<<"name">> := <<"carry">>, <<"ms">> := Ms} = Step <- Steps,
        not maps:get(<<"failed">>, Step, false)].

%% Of Phoenix LiveView.
pages(#{<<"open">> := Open, <<"rendered">> := Rendered, <<"remounted">> := Remounted}) ->
    io_lib:format("~b open, ~b rendered anew, ~b told to mount anew", [Open, Rendered, Remounted]).

state(#{<<"name">> := Name, <<"from">> := From, <<"to">> := To, <<"bytes">> := Bytes,
        <<"migrateMs">> := Ms, <<"rehearsed">> := Rehearsed} = State) ->
    Path = if
        From =:= null -> ["v", vsn(To), ", initial"];
        From =:= To -> ["v", vsn(To)];
        true -> ["v", vsn(From), " → v", vsn(To)]
    end,
    Tried = case Rehearsed of
        true -> "rehearsed";
        false -> "not rehearsed";
        <<"skipped: ", Why/binary>> -> ["not rehearsed: ", Why];
        Why -> ["not rehearsed: ", Why]
    end,
    Took = if From =:= To -> "taken over"; true -> "migrated" end,
    [Name, [[<<" ×"/utf8>>, integer_to_list(N)] || #{<<"processes">> := N} <- [State]], " ", Path, ", ", tsugi_text:bytes(Bytes), ", ",
     case State of
         #{<<"dropped">> := N} -> [integer_to_list(N), " dropped with the child that is gone"];
         _ -> [Took, [[" in ", tsugi_text:ms(Ms)] || Ms =/= null], ", ", Tried]
     end].

vsn(Number) when is_integer(Number) -> integer_to_list(Number);
vsn(null) -> "?";
vsn(Text) -> Text.

headline(#{<<"strategy">> := <<"none">>, <<"to">> := To}, _) -> ["Nothing to do: ", To, " runs already"];
headline(#{<<"from">> := From, <<"to">> := To, <<"error">> := _}, #{checkOnly := true}) ->
    ["Check of ", To, " failed: ", From, " serves as before"];
headline(#{<<"from">> := From, <<"to">> := To, <<"strategy">> := Strategy} = Report, #{checkOnly := true}) ->
    ["Checked ", From, " → ", To, ": it would go by ", Strategy, " (", total(Report), ")"];
headline(#{<<"from">> := From, <<"to">> := To, <<"result">> := Result, <<"strategy">> := Strategy} = Report, Asked) ->
    Direction = maps:get(direction, Asked, upgrade),
    case Result of
        <<"refused">> -> ["Refused: ", From, " serves as before"];
        <<"thawed">> -> ["Thawed: ", From, " serves as before, its state untouched"];
        <<"handed-back">> when Direction =:= rollback ->
            [done(Direction), ": ", To, " is given up, ", From, " serves again"];
        <<"handed-back">> -> ["Handed back: ", From, " serves again"];
        _ when Direction =:= reload -> ["Reloaded ", To, " in ", total(Report)];
        _ -> [done(Direction), " ", From, " → ", To, " by ", Strategy, " in ", total(Report)]
    end.

total(#{<<"steps">> := Steps}) -> tsugi_text:ms(lists:sum([Ms || #{<<"ms">> := Ms} <- Steps])).

done(upgrade) -> "Upgraded";
done(downgrade) -> "Downgraded";
done(rollback) -> "Rolled back";
done(reload) -> "Reloaded".

%% --- a plan -------------------------------------------------------------------------------------

plan(#{from := From, to := To, strategy := <<"none">>, reasons := [Reason | _]}) ->
    [From, " → ", To, ": ", Reason];
plan(#{from := From, to := To, strategy := Strategy, reasons := Reasons, differences := Differences,
       steps := Steps, instructions := Instructions}) ->
    [From, " → ", To, ": ", Strategy, "\n",
     [["  because ", Reason, "\n"] || Reason <- Reasons],
     case Differences of
         [] -> "what differs: only the version";
         _ -> ["what differs:\n", differences(Differences)]
     end,
     "\n", tsugi_text:wrap(["steps: ", lists:join(" · ", [atom_to_list(Step) || Step <- Steps])], "  "),
     [["\nrelup:", [io_lib:format("\n  ~2b. ~ts", [N, I])
                    || {N, I} <- lists:zip(lists:seq(1, length(Instructions)), Instructions)]]
      || Instructions =/= []]].

differences(Differences) ->
    tsugi_text:table([[["  ", Component], [From, " → ", To], Why]
                      || #{component := Component, from := From, to := To, why := Why} <- Differences]).
