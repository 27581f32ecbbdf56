%% What a node does once it has booted: end the story of an upgrade that ended with a restart.
-module(tsugi_boot).
-export([after_boot/0, wait_started/1]).

after_boot() ->
    wait_started(infinity),
    {_, Running} = init:script_id(),
    case tsugi_journal:take() of
        none -> ok;
        #{phase := restart, to := Running} = Entry -> tsugi_restart:judge(Entry);
        #{phase := restart} = Entry -> report(Entry, 'TSUGI_RESTART_FAILED');
        #{phase := crashed, report := Report} -> tsugi_report:append(Report);
        Entry -> report(Entry, 'TSUGI_CODE_CHANGE_CRASHED')
    end,
    catch tsugi_handler:write_view(),
    ok.

report(#{from := From, to := To, report := Report}, Code) ->
    Error = {tsugi_error, Code, #{version => To, previous => From, problem => "the node went down"}},
    tsugi_report:append((tsugi_report:finish(Report, 'handed-back', Error))#{
        stateAsOf => <<"the restart: state in memory was lost">>}).

wait_started(Tries) ->
    case init:get_status() of
        {started, _} -> ok;
        _ -> timer:sleep(20), wait_started(Tries)
    end.
