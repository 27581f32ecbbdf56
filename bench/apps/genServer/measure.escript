#!/usr/bin/env escript
%% measure.escript <folder> <megabytes> <version> <rounds>: from 1.0.0 to that version and back, by
%% OTP's release_handler. Prints for each the longest time in which the GenServer did not answer,
%% beyond its ordinary one, in milliseconds.
-mode(compile).

main([Folder, Megabytes, Version, Rounds]) ->
    Sources = filename:dirname(filename:absname(escript:script_name())),
    build(Sources, Folder, "1.0.0", 1, []),
    build(Sources, Folder, Version, shape(Version), ["1.0.0"]),
    {ok, _} = application:ensure_all_started(sasl),
    ok = logger:set_primary_config(level, error),
    true = code:add_patha(filename:join(dir(Folder, "1.0.0"), "ebin")),
    ok = application:load(counter),
    ok = application:set_env(counter, megabytes, list_to_integer(Megabytes)),
    ok = application:start(counter),
    Asker = spawn_link(fun() -> ask([]) end),
    timer:sleep(1000),
    [io:format("~.3f~n", [change(Asker, Folder, Version, Round)])
     || Round <- lists:seq(1, list_to_integer(Rounds))],
    halt(0).

shape("1." ++ _) -> 1;
shape(_) -> 2.

dir(Folder, Version) -> filename:join(Folder, "counter-" ++ Version).

build(Sources, Folder, Version, Shape, From) ->
    Ebin = filename:join(dir(Folder, Version), "ebin"),
    ok = filelib:ensure_path(Ebin),
    Options = [{outdir, Ebin}, {d, 'VSN', Version}, {d, 'SHAPE', Shape}, report],
    [{ok, _} = compile:file(filename:join(Sources, File), Options)
     || File <- ["counter.erl", "counter_app.erl"]],
    App = {application, counter, [{description, "bench"}, {vsn, Version}, {modules, [counter, counter_app]},
                                  {registered, [counter]}, {applications, [kernel, stdlib]},
                                  {mod, {counter_app, []}}]},
    Steps = [{Old, [{update, counter, {advanced, []}}]} || Old <- From],
    write(Ebin, "counter.app", App),
    write(Ebin, "counter.appup", {Version, Steps, Steps}).

write(Ebin, Name, Term) -> ok = file:write_file(filename:join(Ebin, Name), io_lib:format("~p.~n", [Term])).

%% There on odd rounds, back on even ones.
change(Asker, Folder, Version, Round) ->
    _ = longest(Asker),
    {ok, _} = case Round rem 2 of
        1 -> release_handler:upgrade_app(counter, dir(Folder, Version));
        0 -> release_handler:downgrade_app(counter, "1.0.0", dir(Folder, "1.0.0"))
    end,
    code:purge(counter),
    longest(Asker).

longest(Asker) ->
    Asker ! {longest, self()},
    receive {longest, Ms} -> Ms end.

%% One call after the other, with a millisecond between.
ask(Times) ->
    Start = erlang:monotonic_time(),
    _ = gen_server:call(counter, size, infinity),
    Took = erlang:convert_time_unit(erlang:monotonic_time() - Start, native, nanosecond) / 1.0e6,
    receive
        {longest, From} ->
            Sorted = lists:sort([Took | Times]),
            From ! {longest, lists:last(Sorted) - lists:nth(length(Sorted) div 2 + 1, Sorted)},
            ask([])
    after 1 -> ask([Took | Times])
    end.
