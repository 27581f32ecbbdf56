%% The relup's low-level instructions: how systools' become ours, and what can be read from either.
%%
%% systools loads one module after the other while requests run. Here everything that changes code or
%% state becomes one core, in which nobody is served:
%%
%%   load_object_code …                       as systools has it
%%   tsugi_pause:start [modules]              connections held, state suspended; may still refuse
%%   point_of_no_return
%%   what stands ahead of the core            an application that is new
%%   tsugi_pause:change, :load, :change       code_change of the old code, all modules, of the new code
%%   tsugi_pause:resume                       state goes on
%%   tsugi_children:stop_removed              by the code that they began with, which is still there
%%   tsugi_pause:delete                       modules that are gone
%%   tsugi_children:start_new
%%   tsugi_pause:over                         connections go on
%%   what stands behind it                    an application that is gone
%%
%% An appup of the application's own that does something else in between (stops a process, applies a
%% function) is evaluated step by step, as OTP does it, and connections are not held.
-module(tsugi_script).
-export([complete/2, loads/1, removes/1, changes/1, is_at_once/1]).

%% Parts = #{new => modules of applications that come or go, own => those of applications with an appup of
%%           their own, supervisors, protocols => {Changed, Deleted, Dir}}
complete(Raw, #{supervisors := Supervisors} = Parts) ->
    {Before, After} = at_point_of_no_return(Raw),
    Start = fun(Modules) ->
        Before ++ [step(tsugi_children, remember, [Supervisors]) || Supervisors =/= []]
            ++ [step(tsugi_pause, start, [Modules]), point_of_no_return, step(tsugi_upgrade, passed, [])]
    end,
    Suspended = lists:append([[name(M) || M <- Modules] || {suspend, Modules} <- After]),
    case core(After, maps:get(new, Parts)) of
        {Ahead, Core, Behind} -> Start(Suspended) ++ Ahead ++ at_once(Core, Parts) ++ Behind;
        none -> Start(Suspended) ++ step_by_step(After, Parts)
    end.

step(M, F, Arguments) -> {apply, {M, F, Arguments}}.

name({M, _Timeout}) -> M;
name(M) -> M.

at_point_of_no_return(Raw) ->
    case lists:splitwith(fun(I) -> I =/= point_of_no_return end, Raw) of
        {Before, [point_of_no_return | After]} -> {Before, After};
        {All, []} -> {[], All}
    end.

%% {Ahead, Core, Behind}; none where something else stands amid the core.
core(After, New) ->
    IsOther = fun(I) -> not is_core(I, New) end,
    {Ahead, Rest} = lists:splitwith(IsOther, After),
    {Behind, Reversed} = lists:splitwith(IsOther, lists:reverse(Rest)),
    Core = lists:reverse(Reversed),
    case [I || I <- Core, IsOther(I), not is_load(I)] of
        [] -> {Ahead, Core, lists:reverse(Behind)};
        _ -> none
    end.

is_core({suspend, _}, _) -> true;
is_core({resume, _}, _) -> true;
is_core({code_change, _}, _) -> true;
is_core({code_change, _, _}, _) -> true;
is_core({load, {M, _, _}}, New) -> not lists:member(M, New);
is_core({remove, {M, _, _}}, New) -> not lists:member(M, New);
%% systools has one behind each module that is gone.
is_core({purge, Modules}, New) -> Modules -- New =:= Modules;
is_core(_, _) -> false.

is_load({load, _}) -> true;
is_load(_) -> false.

at_once(Core, #{supervisors := Supervisors, own := Own, protocols := {Changed, _, Dir}}) ->
    Loads = [L || {load, L} <- Core],
    Modules = lists:usort([M || {M, _, _} <- Loads] ++ Changed),
    Gone = [M || {remove, {M, _, _}} <- Core],
    {Early, Late} = around_loads(Core, [], [], []),
    %% systools writes brutal_purge where nobody has asked for it; an appup of the application's own has.
    Brutal = fun(Ms) -> [M || M <- Ms, lists:member(M, Own)] end,
    First = Brutal([M || {M, brutal_purge, _} <- Loads]),
    Last = Brutal([M || {M, _, brutal_purge} <- Loads] ++ [M || {remove, {M, _, brutal_purge}} <- Core]
                  ++ lists:append([Ms || {purge, Ms} <- Core])),
    [step(tsugi_protocols, switch_path, [Dir]) || Dir =/= none]
        ++ Early
        ++ [step(tsugi_pause, load, [Modules, First]) || Modules =/= []]
        ++ Late
        ++ [step(tsugi_pause, resume, [])]
        ++ [step(tsugi_children, stop_removed, [Supervisors]) || Supervisors =/= []]
        ++ [step(tsugi_pause, delete, [Gone]) || Gone =/= []]
        ++ [step(tsugi_children, start_new, [Supervisors]) || Supervisors =/= []]
        ++ [step(tsugi_pause, over, [])]
        ++ [step(tsugi_loading, purge, [Last]) || Last =/= []].

%% A code_change ahead of its module's load is the old code's, and stays ahead of all loads.
around_loads([], _, Early, Late) -> {lists:reverse(Early), lists:reverse(Late)};
around_loads([{load, {M, _, _}} | Rest], Loaded, Early, Late) ->
    around_loads(Rest, [M | Loaded], Early, Late);
around_loads([{code_change, Modules} | Rest], Loaded, Early, Late) ->
    around_loads([{code_change, up, Modules} | Rest], Loaded, Early, Late);
around_loads([{code_change, Direction, Modules} | Rest], Loaded, Early, Late) ->
    {After, Before} = lists:partition(fun({M, _}) -> lists:member(M, Loaded) end, Modules),
    Change = fun(Some) -> [step(tsugi_pause, change, [Direction, Some]) || Some =/= []] end,
    around_loads(Rest, Loaded, Change(Before) ++ Early, Change(After) ++ Late);
around_loads([_ | Rest], Loaded, Early, Late) -> around_loads(Rest, Loaded, Early, Late).

%% As systools has it; protocols that only gain implementations first, those that lose some last.
step_by_step(After, #{supervisors := Supervisors, protocols := {Changed, Deleted, Dir}}) ->
    {Early, Late} = tsugi_protocols:split(Changed, Deleted),
    [step(tsugi_protocols, switch_path, [Dir]) || Dir =/= none]
        ++ [step(tsugi_protocols, load, [Dir, Early]) || Early =/= []]
        ++ lists:flatmap(fun(I) -> stop_removed(I, Supervisors) end, After)
        ++ [step(tsugi_protocols, load, [Dir, Late]) || Late =/= []]
        ++ [step(tsugi_children, start_new, [Supervisors]) || Supervisors =/= []]
        ++ [step(tsugi_pause, over, [])].

stop_removed({resume, Modules} = I, Supervisors) ->
    case [M || M <- Modules, lists:member(M, Supervisors)] of
        [] -> [I];
        Resumed -> [I, step(tsugi_children, stop_removed, [Resumed])]
    end;
stop_removed(I, _) -> [I].

%% --- what it says -------------------------------------------------------------------------------

is_at_once(Script) -> lists:member(step(tsugi_pause, resume, []), Script).

%% Modules that get new code.
loads(Script) ->
    [M || {load, {M, _, _}} <- Script]
        ++ lists:append([Modules || {apply, {tsugi_pause, load, [Modules, _]}} <- Script])
        ++ lists:append([Modules || {apply, {tsugi_protocols, load, [_, Modules]}} <- Script]).

removes(Script) ->
    [M || {remove, {M, _, _}} <- Script]
        ++ lists:append([Modules || {apply, {tsugi_pause, delete, [Modules]}} <- Script]).

%% [{Module, Extra, up | down}]: whose processes carry their state, in the script's order.
changes(Script) ->
    lists:append([case I of
                      {code_change, Modules} -> [{M, Extra, up} || {M, Extra} <- Modules];
                      {code_change, D, Modules} -> [{M, Extra, D} || {M, Extra} <- Modules];
                      {apply, {tsugi_pause, change, [D, Modules]}} -> [{M, Extra, D} || {M, Extra} <- Modules];
                      _ -> []
                  end || I <- Script]).
