%% `doctor`: what is wrong on this host, each with its remedy. The checks and their words are those of
%% src/control/doctor; a check reads, changes nothing and needs no node.
-module(tsugi_doctor).
-export([doctor/3, finding/1]).

-define(LIMIT_MS, 30000).

doctor(_, _, Options) ->
    {Checks, Ms} = tsugi_time:measure(fun() -> run() end),
    Value = #{name => text(tsugi_layout:name()), root => text(tsugi_layout:root()), checks => Checks, ms => Ms},
    Shown = describe(Checks),
    case lists:sum([length(Findings) || #{findings := Findings} <- Checks]) of
        0 -> {ok, Value, Shown};
        Count ->
            _ = maps:is_key("--json", Options) orelse tsugi_cli:print([Shown, "\n"]),
            Error = {tsugi_error, 'TSUGI_HOST_UNWELL', #{count => tsugi_text:count(Count, "thing")}},
            {exit, tsugi_error:exit_code(Error), Value#{error => tsugi_error:to_map(Error)}, "", Error}
    end.

%% All at once: one that hangs does not keep the others.
run() ->
    Looks = [{"space", fun tsugi_doctor_host:space/1}, {"ports", fun tsugi_doctor_host:ports/1},
             {"clock", fun tsugi_doctor_host:clock/1}, {"permissions", fun tsugi_doctor_root:permissions/1},
             {"leftovers", fun tsugi_doctor_root:leftovers/1}, {"processes", fun tsugi_doctor_host:processes/1},
             {"files", fun tsugi_doctor_root:files/1}],
    Deadline = erlang:monotonic_time(millisecond) + ?LIMIT_MS,
    Asked = [{Check, spawn_monitor(fun() -> exit({seen, seen(Look, Deadline)}) end)} || {Check, Look} <- Looks],
    [begin
         {Note, Findings} = wait(Pid, Ref, Deadline + 500),
         #{check => text(Check), note => text(Note),
           findings => [#{problem => text(Problem), remedy => text(Remedy)} || {Problem, Remedy} <- Findings]}
     end || {Check, {Pid, Ref}} <- Asked].

seen(Look, Deadline) ->
    try Look(Deadline)
    catch Class:Reason:Stack -> {"", [finding(tsugi_error:from_reason(Class, Reason, Stack))]}
    end.

wait(Pid, Ref, Deadline) ->
    receive
        {'DOWN', Ref, process, Pid, {seen, Seen}} -> Seen;
        {'DOWN', Ref, process, Pid, Reason} -> {"", [{io_lib:format("~0tP", [Reason, 12]), "TSUGI_DEBUG=1"}]}
    after max(0, Deadline - erlang:monotonic_time(millisecond)) ->
        {"", [{io_lib:format("Nothing was heard within ~b s.", [?LIMIT_MS div 1000]), "Does the disk answer? dmesg"}]}
    end.

%% What an error says is a finding, and its next step the remedy.
finding(Error) ->
    #{message := Message, hint := Hint} = tsugi_error:to_map(Error),
    {Message, Hint}.

describe(Checks) ->
    Lines = [[io_lib:format("~-11ts  ~ts", [Check, result(Findings)]), Note,
              [["\n  ", tsugi_text:wrap(Problem, "  "), [["\n    → ", Step] || Step <- string:split(Remedy, " · ", all)]]
               || #{problem := Problem, remedy := Remedy} <- Findings]]
             || #{check := Check, note := Note, findings := Findings} <- Checks],
    [tsugi_layout:name(), " in ", tsugi_layout:root(), "\n\n", lists:join("\n", Lines)].

result([]) -> "ok  ";
result(_) -> "WRONG  ".

text(Value) -> tsugi_json:text(Value).
