%% Strategy restart: another OTP, ERTS or Elixir. The old VM stops, the keeper boots the new release,
%% and the new node judges itself; until it has, a boot that fails goes back to the old one.
-module(tsugi_restart).
-export([begin_restart/2, judge/1]).

%% In the old node. `run/back` is what the keeper boots when the new release does not come up.
begin_restart(#{from := #{vsn := From}, to := #{vsn := To}}, Report) ->
    tsugi_journal:write(#{phase => restart, from => From, to => To, report => Report}),
    tsugi_files:write(tsugi_layout:at(["run", "back"]), [From, "\n"]),
    tsugi_files:write(tsugi_layout:at(["run", "boot"]), [To, "\n"]),
    tsugi_files:write(tsugi_layout:at(["run", "again"]), "\n"),
    init:stop(),
    ok.

%% In the new node.
judge(#{from := From, to := To, report := Report}) ->
    case tsugi_health:probation(To, []) of
        ok ->
            ok = tsugi_handler:write_start_erl(To),
            ok = tsugi_handler:ensure_releases(To),
            ok = tsugi_handler:adopt(),
            _ = file:delete(tsugi_layout:at(["run", "back"])),
            tsugi_handler:write_view(#{To => #{committed => true}}),
            tsugi_report:append(tsugi_report:finish(Report#{strategy => <<"restart">>}, committed, undefined));
        {error, Why} ->
            Error = {tsugi_error, 'TSUGI_UNHEALTHY', #{version => To, previous => From, problem => Why}},
            tsugi_report:append((tsugi_report:finish(Report, 'handed-back', Error))#{
                stateAsOf => <<"the restart: state in memory was lost">>}),
            tsugi_files:write(tsugi_layout:at(["run", "boot"]), [From, "\n"]),
            tsugi_files:write(tsugi_layout:at(["run", "again"]), "\n"),
            init:stop()
    end.
