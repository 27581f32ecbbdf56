-module(tsugi_time).
-export([iso/0, measure/1]).

iso() -> unicode:characters_to_binary(calendar:system_time_to_rfc3339(
    erlang:system_time(millisecond), [{unit, millisecond}, {offset, "Z"}])).

%% {Result, Milliseconds}
measure(Fun) ->
    Start = erlang:monotonic_time(microsecond),
    Result = Fun(),
    {Result, (erlang:monotonic_time(microsecond) - Start) / 1000}.
