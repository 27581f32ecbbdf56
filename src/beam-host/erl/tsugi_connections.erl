%% Who answers clients in this node: the processes that accept, and those that serve a connection.
%%
%% A connection is a process that owns a socket which came in through a listening one, or that a web
%% server is known to run for one (behind TLS another process owns the socket). It is held in the way
%% that it understands:
%%
%%   system   an OTP loop: a system message to suspend is answered between two requests
%%   raw      a process that waits in gen_tcp:recv for its next request
%%   none     anything else: it is counted, not held
-module(tsugi_connections).
-export([acceptors/1, connections/1, sockets/0, serves/2, behaviours/1]).

%% Waiting to accept; those of the distribution and of ssh's keys are nobody's clients.
acceptors(Pids) ->
    [Pid || Pid <- Pids, {current_stacktrace, Stack} <- [erlang:process_info(Pid, current_stacktrace)],
            lists:any(fun accepts/1, Stack), not is_distribution(Pid)].

accepts({prim_inet, F, _, _}) -> F =:= accept0 orelse F =:= async_accept;
accepts({gen_tcp_socket, F, _, _}) -> F =:= accept orelse F =:= accept_loop;
accepts(_) -> false.

is_distribution(Pid) ->
    case erlang:process_info(Pid, dictionary) of
        {dictionary, Dictionary} ->
            Ancestors = proplists:get_value('$ancestors', Dictionary, []),
            lists:member(net_sup, Ancestors) orelse lists:member(net_kernel, Ancestors)
                orelse lists:member(whereis(net_kernel), Ancestors);
        undefined -> true
    end.

%% [{Pid, system | raw | none}], each once.
connections(Pids) ->
    Owners = maps:from_list([{Owner, true} || {_, Owner} <- sockets()]),
    [{Pid, How} || Pid <- Pids, How <- [how(Pid, is_map_key(Pid, Owners))], How =/= no].

how(Pid, IsOwner) ->
    case erlang:process_info(Pid, dictionary) of
        {dictionary, Dictionary} ->
            case proplists:get_value('$initial_call', Dictionary) of
                {M, connection_process, _} when M =:= cowboy_clear; M =:= cowboy_tls -> system;
                %% Channels and LiveViews: their socket is the connection's.
                {_, F, 3} when F =:= mount; F =:= join -> system;
                {M, init, 1} -> loop(M, Pid, IsOwner);
                _ -> raw(Pid, IsOwner)
            end;
        undefined -> no
    end.

loop(M, Pid, IsOwner) ->
    Behaviours = behaviours(M),
    IsHandler = lists:member('Elixir.ThousandIsland.Handler', Behaviours),
    IsLoop = lists:any(fun(B) -> lists:member(B, [gen_server, gen_statem, 'Elixir.GenServer']) end, Behaviours),
    IsTls = is_tls(M),
    if
        IsHandler -> system;
        not IsOwner; IsTls -> no;
        IsLoop -> system;
        true -> raw(Pid, IsOwner)
    end.

%% What carries the bytes of a TLS connection; who serves it is another, and needs it to send its answers.
is_tls(M) -> lists:any(fun(Prefix) -> lists:prefix(Prefix, atom_to_list(M)) end, ["tls_", "ssl_"]).

raw(_, false) -> no;
raw(Pid, true) ->
    case erlang:process_info(Pid, current_function) of
        {current_function, {prim_inet, recv0, _}} -> raw;
        {current_function, _} -> none;
        undefined -> no
    end.

behaviours(M) ->
    try lists:append([V || {K, V} <- M:module_info(attributes), K =:= behaviour orelse K =:= behavior])
    catch error:undef -> []
    end.

%% [{Port, Owner}]: sockets that came in through one that listens here.
sockets() ->
    Distribution = [Port || {_, Port} <- erlang:system_info(dist_ctrl)],
    Tcp = [Port || Port <- erlang:ports(), erlang:port_info(Port, name) =:= {name, "tcp_inet"}],
    {Connected, Others} = lists:partition(fun(Port) -> element(1, inet:peername(Port)) =:= ok end, Tcp -- Distribution),
    Listening = [Place || Port <- Others, {ok, Place} <- [place(Port)]],
    [{Port, Owner} || Port <- Connected, {ok, Place} <- [place(Port)], lists:member(Place, Listening),
                      {connected, Owner} <- [erlang:port_info(Port, connected)],
                      not is_distribution(Owner)].

place(Port) ->
    case inet:sockname(Port) of
        {ok, {local, Path}} -> {ok, Path};
        {ok, {_, Number}} -> {ok, Number};
        _ -> none
    end.

%% Does this process work for one of these connections: a request's process, or a task of it?
serves(Pid, Connections) ->
    case erlang:process_info(Pid, [dictionary, parent]) of
        [{dictionary, Dictionary}, {parent, Parent}] ->
            Known = [Parent | proplists:get_value('$ancestors', Dictionary, [])
                                  ++ proplists:get_value('$callers', Dictionary, [])],
            lists:any(fun(P) -> is_map_key(P, Connections) end, Known);
        undefined -> false
    end.
