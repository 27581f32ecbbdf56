%% ThousandIsland's acceptor loops by a local call: it would stay in old code for good. It is started
%% again by its supervisor, while new connections wait in the kernel.
-module(tsugi_acceptors).
-export([renew/1]).

renew(Modules) ->
    case lists:member('Elixir.ThousandIsland.Acceptor', Modules) of
        true -> [renew_one(Pid) || Pid <- processes(), is_acceptor_supervisor(Pid)], ok;
        false -> ok
    end.

is_acceptor_supervisor(Pid) ->
    case erlang:process_info(Pid, dictionary) of
        {dictionary, Dictionary} ->
            lists:member(proplists:get_value('$initial_call', Dictionary),
                         [{supervisor, 'Elixir.ThousandIsland.AcceptorSupervisor', 1}]);
        undefined -> false
    end.

renew_one(Supervisor) ->
    _ = supervisor:terminate_child(Supervisor, acceptor),
    supervisor:restart_child(Supervisor, acceptor).
