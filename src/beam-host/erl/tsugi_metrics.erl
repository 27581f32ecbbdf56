%% What runs, and how upgrades went, as OpenMetrics text. The rows are those of priv/metrics.json
%% (src/contract/metrics.ts), the form that of src/protocol/metrics.ts.
-module(tsugi_metrics).
-export([metrics/3, text/0]).

-define(SCHEDULERS_MS, 100).

metrics(_, _, _) -> {ok, #{}, tsugi_remote:call(?MODULE, text, [])}.

%% In the node.
text() ->
    {ok, Json} = file:read_file(filename:join(tsugi_layout:tsugi_priv(), "metrics.json")),
    #{<<"metrics">> := Rows, <<"bucketsSeconds">> := Buckets} = tsugi_json:decode(Json),
    Facts = #{status => tsugi_server:status(), tally => tally(Buckets), buckets => Buckets},
    unicode:characters_to_binary([[family(Row, samples(Name, Facts)) || #{<<"name">> := Name} = Row <- Rows], "# EOF"]).

family(_, []) -> [];
family(#{<<"name">> := Name, <<"type">> := Type, <<"text">> := Text} = Row, Samples) ->
    Suffix = case Type of <<"counter">> -> "_total"; <<"info">> -> "_info"; _ -> "" end,
    [["# TYPE ", Name, " ", Type, "\n"],
     [["# UNIT ", Name, " ", Unit, "\n"] || #{<<"unit">> := Unit} <- [Row]],
     ["# HELP ", Name, " ", Text, ".\n"],
     [[Name, case Sample of {_, _, Own} -> Own; _ -> Suffix end, labels(element(1, Sample)), " ",
       number(element(2, Sample)), "\n"] || Sample <- Samples]].

labels([]) -> "";
labels(Labels) ->
    Pairs = [[Name, "=\"", escaped(tsugi_json:text(Value)), "\""] || {Name, Value} <- Labels],
    ["{", lists:join(",", Pairs), "}"].

escaped(Text) ->
    lists:foldl(fun({From, To}, Acc) -> binary:replace(Acc, From, To, [global]) end, Text,
                [{<<"\\">>, <<"\\\\">>}, {<<"\"">>, <<"\\\"">>}, {<<"\n">>, <<"\\n">>}]).

number(Whole) when is_integer(Whole) -> integer_to_list(Whole);
number(Float) -> io_lib:format("~.6f", [Float]).

%% [{Labels, Value} | {Labels, Value, Suffix}]
samples(<<"tsugi_release">>, #{status := #{name := Name, version := Vsn, releaseId := Id}}) ->
    {ok, Tsugi} = application:get_key(tsugi, vsn),
    [{[{"name", Name}, {"version", Vsn}, {"release_id", Id}, {"kind", "beam"}, {"tsugi", Tsugi}], 1}];
samples(<<"tsugi_generation">>, Facts) -> [{[], maps:get(generation, slot(Facts))}];
samples(<<"tsugi_serving_since_seconds">>, #{status := #{since := Since}}) -> [{[], seconds_at(Since)}];
samples(<<"tsugi_worker_healthy">>, Facts) -> [{worker(), one(maps:get(healthy, slot(Facts)))}];
samples(<<"tsugi_worker_restarts">>, Facts) -> [{worker(), maps:get(restarts, slot(Facts))}];
samples(<<"tsugi_worker_memory_bytes">>, Facts) -> [{worker(), maps:get(rssBytes, slot(Facts))}];
samples(<<"tsugi_worker_cpu_seconds">>, Facts) -> [{worker(), maps:get(cpuMs, slot(Facts)) / 1000}];
samples(<<"tsugi_scheduler_use_ratio">>, _) -> [{[], scheduler_use()}];
samples(<<"tsugi_upgrades">>, #{tally := #{upgrades := Upgrades}}) ->
    [{[{"kind", Kind}, {"strategy", Strategy}, {"result", Result}], Count}
     || {{Kind, Strategy, Result}, Count} <- lists:sort(maps:to_list(Upgrades))];
samples(<<"tsugi_upgrade_pause_seconds">>, #{tally := #{pauses := Pauses}, buckets := Buckets}) -> histogram(Pauses, Buckets);
samples(<<"tsugi_upgrade_quiet_seconds">>, #{tally := #{quiets := Quiets}, buckets := Buckets}) -> histogram(Quiets, Buckets);
samples(<<"tsugi_upgrade_connections">>, #{tally := #{connections := Connections}}) ->
    [{[{"outcome", Outcome}], Count} || {Outcome, Count} <- lists:sort(maps:to_list(Connections))];
samples(<<"tsugi_upgrade_requests_waited">>, #{tally := #{waited := Waited}}) -> [{[], Waited}];
samples(<<"tsugi_upgrade_last_seconds">>, #{tally := #{last := Last}}) -> [{[], seconds_at(Last)} || Last =/= none];
samples(<<"tsugi_state_bytes">>, #{tally := #{states := States}}) ->
    [{[{"state", State}], Bytes} || {State, Bytes} <- lists:sort(maps:to_list(States))];
samples(<<"tsugi_upgrade_under_way">>, #{status := #{upgrade := Upgrade}}) -> [{[], one(Upgrade =/= null)}];
samples(<<"tsugi_leftovers">>, #{status := #{leftovers := Leftovers}}) -> [{[], length(Leftovers)}];
samples(<<"tsugi_etc_changed">>, #{status := #{etcChanged := Changed}}) -> [{[], one(Changed)}];
samples(<<"tsugi_log_lines_dropped">>, #{status := #{logDropped := Dropped}}) -> [{[], Dropped}];
%% Of a host of Node.
samples(_, _) -> [].

slot(#{status := #{processes := [#{slots := [Slot]}]}}) -> Slot.

worker() -> [{"process", "main"}, {"slot", "0"}].

one(true) -> 1;
one(false) -> 0.

seconds_at(Iso) -> calendar:rfc3339_to_system_time(unicode:characters_to_list(Iso), [{unit, millisecond}]) / 1000.

histogram(Seconds, Buckets) ->
    Count = length(Seconds),
    [{[{"le", bound(Most)}], length([S || S <- Seconds, S =< Most]), "_bucket"} || Most <- Buckets]
        ++ [{[{"le", "+Inf"}], Count, "_bucket"}, {[], Count, "_count"}, {[], lists:sum(Seconds) + 0.0, "_sum"}].

bound(Whole) when is_integer(Whole) -> integer_to_list(Whole);
bound(Float) -> io_lib:format("~p", [Float]).

%% Over a tenth of a second: the flag costs a little, so it is up only for that.
scheduler_use() ->
    Normal = erlang:system_info(schedulers),
    Times = fun() -> [{Active, Total} || {Id, Active, Total} <- erlang:statistics(scheduler_wall_time), Id =< Normal] end,
    _ = erlang:system_flag(scheduler_wall_time, true),
    Before = Times(),
    timer:sleep(?SCHEDULERS_MS),
    After = Times(),
    _ = erlang:system_flag(scheduler_wall_time, false),
    Sum = fun(At) -> lists:sum([element(At, B) - element(At, A) || {A, B} <- lists:zip(lists:sort(Before), lists:sort(After))]) end,
    case Sum(2) of 0 -> 0; Total -> Sum(1) / Total end.

%% Of all that upgrades.jsonl has; counted anew when it has changed.
tally(_) ->
    Size = filelib:file_size(tsugi_layout:at(["log", "upgrades.jsonl"])),
    case persistent_term:get(?MODULE, none) of
        {Size, Tally} -> Tally;
        _ ->
            Tally = lists:foldl(fun add/2, empty(), tsugi_report:all()),
            persistent_term:put(?MODULE, {Size, Tally}),
            Tally
    end.

empty() ->
    #{upgrades => #{}, pauses => [], quiets => [], waited => 0, states => #{}, last => none,
      connections => #{<<"carried">> => 0, <<"drained">> => 0, <<"lost">> => 0}}.

add(#{<<"from">> := From, <<"to">> := To, <<"strategy">> := Strategy, <<"result">> := Result, <<"at">> := At,
      <<"pauseMs">> := PauseMs, <<"quietMs">> := #{<<"max">> := QuietMs}, <<"connections">> := Connections,
      <<"requests">> := #{<<"waited">> := Waited}, <<"states">> := States},
    #{upgrades := Upgrades, pauses := Pauses, quiets := Quiets, waited := WaitedBefore, connections := Counted,
      states := Known} = Tally) ->
    Kind = case From of To -> <<"reload">>; _ -> <<"upgrade">> end,
    Tally#{upgrades => maps:update_with({Kind, Strategy, Result}, fun(N) -> N + 1 end, 1, Upgrades),
           pauses => [PauseMs / 1000 || Result =/= <<"refused">>] ++ Pauses,
           quiets => [QuietMs / 1000 || maps:get(<<"carried">>, Connections) > 0] ++ Quiets,
           waited => WaitedBefore + Waited, last => At,
           connections => maps:map(fun(Outcome, Count) -> Count + maps:get(Outcome, Connections, 0) end, Counted),
           states => maps:merge(Known, maps:from_list([{Name, Bytes} || #{<<"name">> := Name, <<"bytes">> := Bytes} <- States]))};
add(_, Tally) -> Tally.
