%% Requests that failed while an upgrade went by, as the application's own telemetry says: answers with a status of
%% 500 and above, and requests that crashed. A web server and Phoenix both speak of the same request, so the
%% larger number counts. Nobody knows where there is no telemetry, and then nothing is reported.
-module(tsugi_requests).
-export([watch/0, failed/1, happened/4]).

-define(SERVER, 1).
-define(PHOENIX, 2).

-define(EVENTS, [{?SERVER, [bandit, request, stop]}, {?SERVER, [bandit, request, exception]},
                 {?SERVER, [cowboy, request, stop]}, {?SERVER, [cowboy, request, exception]},
                 {?PHOENIX, [phoenix, error_rendered]}]).

%% What failed/1 wants.
watch() ->
    stop(),
    Counters = counters:new(2, []),
    try [telemetry:attach(id(Event), Event, fun ?MODULE:happened/4, {Counters, Who}) || {Who, Event} <- ?EVENTS] of
        _ -> Counters
    catch error:_ -> unknown
    end.

id(Event) -> {?MODULE, Event}.

%% #{failed => N}, or #{}. It is watched no more.
failed(unknown) -> #{};
failed(Counters) ->
    stop(),
    #{failed => max(counters:get(Counters, ?SERVER), counters:get(Counters, ?PHOENIX))}.

stop() -> [catch telemetry:detach(id(Event)) || {_, Event} <- ?EVENTS].

%% By telemetry, in the process that serves.
happened(Event, _, Metadata, {Counters, Who}) ->
    case lists:last(Event) =:= exception orelse is_failure(Metadata) of
        true -> counters:add(Counters, Who, 1);
        false -> ok
    end.

is_failure(#{status := Status}) when is_integer(Status) -> Status >= 500;
is_failure(#{conn := #{status := Status}}) when is_integer(Status) -> Status >= 500;
is_failure(#{resp_status := Status}) when is_integer(Status) -> Status >= 500;
is_failure(#{resp_status := <<"5", _/binary>>}) -> true;
is_failure(_) -> false.
