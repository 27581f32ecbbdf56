%% LiveViews of Phoenix. Their processes run LiveView's channel, and OTP finds them by that; what changes
%% is the view, which is known by the process's label or initial call.
%%
%%   change/4   a view's code_change/3 with its socket. Called here and not by sys:change_code: the channel
%%              of LiveView 1.0 takes the socket that comes back for its whole state
%%   misfits/3  views that changed, say nothing of code_change, and can't render the assigns of these pages
%%   stale/2, refresh/3   open pages are rendered anew (LiveView's own message for it); misfits mount anew: the
%%              client sees its page's process end, and joins again as after a lost connection
-module(tsugi_views).
-export([is_view/1, view/1, change/4, misfits/3, stale/2, reloaded/1, refresh/3]).

-define(REMOUNT, {shutdown, tsugi_remount}).

is_view(Pid) -> view(Pid) =/= none.

%% Its view's module, or none.
view(Pid) ->
    case erlang:process_info(Pid, dictionary) of
        {dictionary, Dictionary} ->
            case {proplists:get_value('$process_label', Dictionary), proplists:get_value('$initial_call', Dictionary)} of
                {{'Elixir.Phoenix.LiveView', View, _}, _} -> View;
                {_, {View, mount, 3}} -> View;
                _ -> none
            end;
        undefined -> none
    end.

%% The process is suspended, and does it itself.
change(Pid, View, Vsn, Extra) ->
    _ = sys:replace_state(Pid, fun(#{socket := Socket} = State) ->
        {ok, New} = View:code_change(Vsn, Socket, Extra),
        State#{socket := New}
    end, infinity),
    ok.

%% Of these processes, suspended, behind the load. What can't be tried in time is taken to fit.
misfits(Pids, Modules, BudgetMs) ->
    Deadline = erlang:monotonic_time(millisecond) + BudgetMs,
    [Pid || Pid <- Pids, View <- [view(Pid)], lists:member(View, Modules),
            not erlang:function_exported(View, code_change, 3), erlang:function_exported(View, render, 1),
            erlang:monotonic_time(millisecond) < Deadline, not renders(Pid, View)].

renders(Pid, View) ->
    try sys:get_state(Pid, 100) of
        #{socket := #{assigns := Assigns} = Socket} ->
            try
                rendered(View:render(Assigns#{socket => Socket, '__changed__' => nil})),
                true
            catch _:_ -> false
            end;
        _ -> true
    catch exit:_ -> true
    end.

%% A template's expressions are evaluated when its dynamic parts are asked for.
rendered(#{'__struct__' := 'Elixir.Phoenix.LiveView.Rendered', dynamic := Dynamic}) -> rendered(Dynamic(false));
rendered(#{'__struct__' := 'Elixir.Phoenix.LiveView.Comprehension', dynamics := Parts}) -> rendered(Parts);
rendered([Head | Tail]) -> rendered(Head), rendered(Tail);
rendered(_) -> ok.

%% Pages that show what they no longer are, made ready to be rendered anew: suspended still. LiveView calls a
%% code reloader first, and has one in development only.
stale(Pids, Modules) ->
    %% Any page may use a component.
    All = lists:any(fun is_component/1, Modules),
    Stale = [Pid || Pid <- Pids, knows_reload(), All orelse lists:member(view(Pid), Modules)],
    [catch sys:replace_state(Pid, fun with_reloader/1, 1000) || Pid <- Stale],
    Stale.

with_reloader(#{socket := #{private := Private} = Socket} = State) when not is_map_key(phoenix_reloader, Private) ->
    State#{socket := Socket#{private := Private#{phoenix_reloader => {?MODULE, reloaded, []}}}};
with_reloader(State) -> State.

%% There is nothing to compile.
reloaded(_Endpoint) -> ok.

is_component(M) ->
    erlang:function_exported(M, '__components__', 0)
        orelse lists:member('Elixir.Phoenix.LiveComponent', tsugi_connections:behaviours(M)).

knows_reload() ->
    case application:get_key(phoenix_live_view, vsn) of
        {ok, Vsn} -> tsugi_plan:compare(Vsn, "0.20.0") =/= less;
        undefined -> false
    end.

%% #{open, rendered, remounted}. The processes go on.
refresh(Pids, Stale, Misfits) ->
    [exit(Pid, ?REMOUNT) || Pid <- Misfits],
    [Pid ! {phoenix_live_reload, <<"tsugi">>, <<>>} || Pid <- Stale],
    #{open => length(Pids), remounted => length(Misfits), rendered => length(Stale)}.
