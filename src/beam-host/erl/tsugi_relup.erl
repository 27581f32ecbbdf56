%% The relup, made where both releases are: on the host. `systools:make_relup` writes the recipe
%% from the appups; tsugi adds what no appup says (protocols, children of supervisors).
%%
%%   up:   releases/<to>/relup     entry "up from <from>"
%%   down: releases/<from>/relup   entry "down to <to>"
%%
%% release_handler looks for the first, then for the second, so only one of them may stand.
-module(tsugi_relup).
-export([write/1, script/1]).

%% Writes the relup of a plan (tsugi_plan:make/3) and answers its low-level instructions.
write(#{from := #{vsn := From}, to := #{vsn := To}, direction := Direction} = Plan) ->
    Script = script(Plan),
    {Top, Term, Other} = case Direction of
        up -> {To, {To, [{From, [], Script}], []}, From};
        down -> {From, {From, [], [{To, [], Script}]}, To}
    end,
    ok = tsugi_files:write(tsugi_layout:release(Top, "relup"),
                           io_lib:format("%% coding: utf-8~n~tp.~n", [Term])),
    _ = file:delete(tsugi_layout:release(Other, "relup")),
    Script.

script(#{apps := Apps, protocols := Protocols} = Plan) ->
    Shadow = tsugi_layout:at(["run", "plan." ++ os:getpid()]),
    ok = tsugi_files:remove_tree(Shadow),
    try
        Raw = make(Plan, Shadow),
        complete(Raw, Apps, Protocols)
    after
        tsugi_files:remove_tree(Shadow)
    end.

%% --- systools -----------------------------------------------------------------------------------

%% systools reads .rel, .app and .appup only. They are laid out in a folder of their own, so that
%% nothing is ever written below lib/, where every file has its hash in a manifest.
make(#{from := From, to := To, direction := Direction, apps := Apps}, Shadow) ->
    Dirs = [shadow_app(Shadow, Name, App, Apps, Direction, Side)
            || {Side, #{apps := All}} <- [{from, From}, {to, To}], {Name, App} <- maps:to_list(All)],
    FromRel = shadow_rel(Shadow, "from", From),
    ToRel = shadow_rel(Shadow, "to", To),
    {Top, Ups, Downs} = case Direction of
        up -> {ToRel, [FromRel], []};
        down -> {FromRel, [], [ToRel]}
    end,
    case systools:make_relup(Top, Ups, Downs, [silent, noexec, {path, lists:usort(Dirs)}]) of
        {ok, Relup, _, _} -> instructions(Relup, Direction);
        {error, Module, Error} ->
            tsugi_error:throw('TSUGI_RELUP_IMPOSSIBLE', #{problem => Module:format_error(Error)});
        error -> tsugi_error:throw('TSUGI_RELUP_IMPOSSIBLE', #{problem => "systools says no more"})
    end.

instructions({_, [{_, _, Script}], _}, up) -> Script;
instructions({_, _, [{_, _, Script}]}, down) -> Script.

shadow_rel(Shadow, Name, #{rel := Rel}) ->
    Base = filename:join(Shadow, Name),
    ok = file:write_file(Base ++ ".rel", io_lib:format("~tp.~n", [Rel])),
    Base.

shadow_app(Shadow, Name, #{vsn := Vsn, ebin := Ebin}, Apps, Direction, Side) ->
    Dir = filename:join([Shadow, lists:concat([Name, "-", Vsn]), "ebin"]),
    File = lists:concat([Name, ".app"]),
    ok = filelib:ensure_dir(filename:join(Dir, File)),
    {ok, _} = file:copy(filename:join(Ebin, File), filename:join(Dir, File)),
    [write_appup(Dir, App, Direction) || #{app := N, change := changed} = App <- Apps, N =:= Name,
                                         Side =:= newer_side(Direction)],
    Dir.

newer_side(up) -> to;
newer_side(down) -> from.

write_appup(Dir, #{app := Name, from := #{vsn := From}, to := #{vsn := To},
                   instructions := Instructions}, Direction) ->
    Appup = case Direction of
        up -> {To, [{From, Instructions}], []};
        down -> {From, [], [{To, Instructions}]}
    end,
    ok = file:write_file(filename:join(Dir, lists:concat([Name, ".appup"])),
                         io_lib:format("~tp.~n", [Appup])).

%% --- what no appup says -------------------------------------------------------------------------

complete(Raw, Apps, #{changed := Changed, dir := Dir}) ->
    Deleted = lists:append([maps:get(deleted, maps:get(modules, App)) || App <- Apps]),
    tsugi_script:complete(Raw, #{new => modules_of(added, to, Apps) ++ modules_of(removed, from, Apps),
                                 own => lists:append([modules_of(changed, Side, [App])
                                                      || #{source := own} = App <- Apps, Side <- [from, to]]),
                                 supervisors => computed_supervisors(Apps),
                                 protocols => {Changed, Deleted, Dir}}).

%% Of applications that come or go as a whole.
modules_of(Change, Side, Apps) ->
    lists:append([maps:keys(tsugi_beams:files(maps:get(ebin, maps:get(Side, App))))
                  || #{change := C} = App <- Apps, C =:= Change]).

%% An appup that the application wrote itself says itself what becomes of children.
computed_supervisors(Apps) ->
    lists:usort([M || #{source := computed, instructions := Instructions} <- Apps,
                      {update, M, supervisor} <- Instructions]).
