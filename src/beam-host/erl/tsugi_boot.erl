%% What a node does once it has booted: end the story of an upgrade that ended with a restart.
-module(tsugi_boot).
-export([after_boot/0, is_over/0, wait_started/1]).

after_boot() ->
    wait_started(infinity),
    {_, Running} = init:script_id(),
    say_ready(Running),
    [logger:warning("~ts", [Text]) || Text <- tsugi_unknown:sentences()],
    tsugi_unpack:sweep(),
    case tsugi_journal:take() of
        none -> ok;
        #{phase := restart, to := Running} = Entry -> tsugi_restart:judge(Entry);
        #{phase := restart} = Entry ->
            report(Entry#{report := tsugi_report:failing(tsugi_restart:measured(Entry))}, 'TSUGI_RESTART_FAILED');
        %% It was permanent already; only the end of the upgrade was missed.
        #{to := Running, report := Report} ->
            tsugi_report:append((tsugi_report:finish(Report, committed, undefined))#{stateAsOf => lost()});
        #{phase := crashed, report := Report} -> tsugi_report:append(Report);
        Entry -> report(Entry, 'TSUGI_CODE_CHANGE_CRASHED')
    end,
    tsugi_handler:agree(Running),
    persistent_term:put(?MODULE, over),
    tsugi_endpoint:apply_settings().

%% Whoever waits for a report of what was before this boot has it by now, or there is none.
is_over() -> persistent_term:get(?MODULE, none) =:= over.

%% Under `foreground` the log is the terminal's; systemd wants to know too.
say_ready(Vsn) ->
    os:getenv("TSUGI_MODE") =/= "foreground" orelse
        io:format(standard_error, "~ts ~ts is ready, pid ~ts~n", [tsugi_layout:name(), Vsn, os:getpid()]),
    os:getenv("NOTIFY_SOCKET") =:= false orelse os:cmd("systemd-notify READY=1"),
    ok.

report(#{from := From, to := To, report := Report}, Code) ->
    Error = {tsugi_error, Code, #{version => To, previous => From, problem => "the node went down"}},
    tsugi_report:append((tsugi_report:finish(Report, 'handed-back', Error))#{
        stateAsOf => lost()}).

lost() -> <<"the restart: state in memory was lost">>.

wait_started(Tries) ->
    case init:get_status() of
        {started, _} -> ok;
        _ -> timer:sleep(20), wait_started(Tries)
    end.
