%% LiveViews of Phoenix: processes whose code is LiveView's channel and whose behaviour is a view's.
-module(tsugi_views).
-export([is_view/1, view/1]).

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
