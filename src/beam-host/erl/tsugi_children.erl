%% After a supervisor's code_change its child specifications are the new ones, but OTP neither starts
%% a new child nor stops one that is gone. Called by the relup.
-module(tsugi_children).
-export([remember/1, stop_removed/1, start_new/1]).

%% Before anything changes: which supervisors there are, and which children each has. A child that is down
%% on purpose must not be taken for a new one. Only then do all supervisors of the node answer.
remember(Modules) ->
    persistent_term:put(?MODULE, [{Pid, Module, ids(Pid)} || {Pid, Module, _} <- find(Modules)]),
    ok.

ids(Pid) -> [Id || {Id, _, _, _} <- supervisor:which_children(Pid)].

stop_removed(Modules) ->
    [stop_gone(Pid, Module, Args) || {Pid, Module, Args, _} <- remembered(Modules)],
    ok.

start_new(Modules) ->
    [start_missing(Pid, Module, Args, Before) || {Pid, Module, Args, Before} <- remembered(Modules)],
    _ = persistent_term:erase(?MODULE),
    ok.

remembered(Modules) ->
    [{Pid, Module, Args, Before}
     || {Pid, Module, Before} <- persistent_term:get(?MODULE, []), lists:member(Module, Modules),
        {Module1, Args} <- [callback(Pid)], Module1 =:= Module].

%% Running supervisors with one of these callback modules: {Pid, Module, InitArgument}.
find(Modules) ->
    [{Pid, Module, Args}
     || {_, _, Pid, Mods} <- [{undefined, undefined, undefined, []} | release_handler_1:get_supervised_procs()],
        is_pid(Pid), Module <- Modules, lists:member(Module, Mods),
        {Module1, Args} <- [callback(Pid)], Module1 =:= Module].

%% The state of OTP's supervisor ends in …, module, args.
callback(Pid) ->
    case catch sys:get_state(Pid, 5000) of
        State when element(1, State) =:= state, tuple_size(State) >= 11 ->
            Size = tuple_size(State),
            {element(Size - 1, State), element(Size, State)};
        _ -> none
    end.

stop_gone(Pid, Module, Args) ->
    Wanted = wanted(Module, Args),
    [begin
         _ = supervisor:terminate_child(Pid, Id),
         _ = supervisor:delete_child(Pid, Id)
     end || {Id, _, _, _} <- supervisor:which_children(Pid), is_list(Wanted),
            not lists:member(Id, Wanted)].

start_missing(Pid, Module, Args, Before) ->
    Wanted = wanted(Module, Args),
    [case supervisor:restart_child(Pid, Id) of
         {ok, _} -> ok;
         {ok, _, _} -> ok;
         {error, running} -> ok;
         {error, restarting} -> ok;
         {error, Reason} -> exit({child_not_started, Module, Id, Reason})
     end || {Id, undefined, _, _} <- lists:reverse(supervisor:which_children(Pid)),
            is_list(Wanted), lists:member(Id, Wanted), not lists:member(Id, Before)].

%% Ids of the new init, asked in the way that the supervisor itself has just asked; `any` for a
%% dynamic one, whose children are not in its init.
wanted(Module, Args) ->
    case Module:init(Args) of
        {ok, {Flags, Specs}} ->
            case strategy(Flags) of
                simple_one_for_one -> any;
                _ -> [id(Spec) || Spec <- Specs]
            end;
        _ -> any
    end.

strategy(#{strategy := Strategy}) -> Strategy;
strategy({Strategy, _, _}) -> Strategy;
strategy(_) -> one_for_one.

id(#{id := Id}) -> Id;
id(Spec) -> element(1, Spec).
