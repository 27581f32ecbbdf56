%% How the last VM has ended, where nothing runs, as src/control/lastEnd.ts. Of one that was killed, and its keeper
%% with it, only what they have left in run/ says that they ran: whoever is stopped, or gives up, removes that.
-module(tsugi_last_end).
-export([find/0, describe/1]).

%% none | what `status --json` says of it
find() ->
    case {tsugi_remote:keeper_pid(), written("keeper"), written("pid")} of
        {none, Keeper, Pid} when is_integer(Keeper), is_integer(Pid) ->
            Vsn = case tsugi_handler:permanent_on_disk() of undefined -> ""; V -> V end,
            Said = tsugi_error:to_map({tsugi_error, 'TSUGI_SUPERVISOR_DIED', #{pid => Pid}}),
            (maps:with([code, message], Said))#{at => null, version => tsugi_json:text(Vsn), lastWords => []};
        _ -> none
    end.

written(File) -> element(1, string:to_integer(tsugi_files:read_text(tsugi_layout:at(["run", File])))).

describe(#{version := Vsn, code := Code, message := Message}) ->
    [Vsn, " ended, ", Code, ":\n", tsugi_text:wrap(["  ", Message], "  ")].
