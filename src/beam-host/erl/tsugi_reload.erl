%% reload: a changed etc/ for the same release. The configuration is evaluated anew by a VM of its own;
%% only when that has succeeded does the running node take it, as an install would: every application's
%% environment, then config_change in each application that has it.
-module(tsugi_reload).
-export([run/0]).

run() ->
    Vsn = tsugi_handler:current(),
    tsugi_settings:check(Vsn),
    Old = tsugi_config:read(Vsn),
    {New, LoadMs} = tsugi_time:measure(fun() -> tsugi_config:evaluate(Vsn) end),
    {_, CarryMs} = tsugi_time:measure(fun() -> apply_config(Old, New) end),
    tsugi_env:os_env(),
    ok = tsugi_server:etc_applied(),
    ok = tsugi_endpoint:apply_settings(),
    Report0 = tsugi_report:new(Vsn, Vsn, swap),
    Report = tsugi_report:finish(
        Report0#{reasons => [tsugi_json:text(["etc/ changed: ", changed(Old, New)])],
                 steps => [#{name => <<"load">>, ms => LoadMs}, #{name => <<"carry">>, ms => CarryMs}]},
        committed, undefined),
    tsugi_report:append(Report),
    Report.

apply_config(Old, New) ->
    Before = application_controller:prep_config_change(),
    [begin
         {App, WasEnv} = {App, proplists:get_value(App, Old, [])},
         IsEnv = proplists:get_value(App, New, []),
         [application:unset_env(App, Key, [{persistent, true}])
          || {Key, _} <- WasEnv, not lists:keymember(Key, 1, IsEnv)],
         [application:set_env(App, Key, Value, [{persistent, true}])
          || {Key, Value} <- IsEnv, lists:keyfind(Key, 1, WasEnv) =/= {Key, Value}]
     end || App <- lists:usort([A || {A, _} <- Old ++ New])],
    application_controller:config_change(Before).

%% Names, never values.
changed(Old, New) ->
    Keys = lists:usort([lists:concat([App, " ", Key])
                        || {App, Env} <- New, {Key, Value} <- Env,
                           lists:keyfind(Key, 1, proplists:get_value(App, Old, [])) =/= {Key, Value}]
                       ++ [lists:concat([App, " ", Key])
                           || {App, Env} <- Old, {Key, _} <- Env,
                              not lists:keymember(Key, 1, proplists:get_value(App, New, []))]),
    case Keys of [] -> "no configuration differs"; _ -> lists:join(", ", Keys) end.
