%% Faults on purpose, as src/platform/faults.ts: TSUGI_FAULT=<label>=kill ends this VM, as a power loss
%% would, at the step with that label. Unset, it costs one look at the environment.
-module(tsugi_fault).
-export([strike/1]).

strike(Label) ->
    case os:getenv("TSUGI_FAULT", "") =:= Label ++ "=kill" of
        true ->
            _ = os:cmd("kill -9 " ++ os:getpid()),
            timer:sleep(infinity);
        false -> ok
    end.
