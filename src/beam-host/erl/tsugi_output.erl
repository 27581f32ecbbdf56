%% OTP's user_sup sleeps for a second whenever a node stops or restarts, so that what is still to be
%% printed gets out. This process sees to that itself and ends user_sup as soon as it is true: a stop
%% takes a second less. Where `user` has no port of its own (since OTP 26), nothing is done.
-module(tsugi_output).
-export([start/0]).

-define(PATIENCE_MS, 1000).

%% Outside of every application, or it would be stopped with the first of them. An earlier one makes
%% room: it may be of an earlier tsugi.
start() ->
    _ = [exit(Pid, kill) || Pid <- [whereis(?MODULE)], Pid =/= undefined],
    case {whereis(kernel_safe_sup), whereis(user)} of
        {Last, User} when is_pid(Last), is_pid(User) ->
            spawn(fun() ->
                group_leader(whereis(init), self()),
                register(),
                wait(erlang:monitor(process, Last), User)
            end),
            ok;
        _ -> ok
    end.

register() ->
    try register(?MODULE, self()) catch error:badarg -> timer:sleep(1), register() end.

%% It is stopped after all applications and right before `user`.
wait(Reference, User) ->
    receive {'DOWN', Reference, process, _, shutdown} -> end_user(User) end.

end_user(User) ->
    %% Requests are handled in turn: what came before this one is with the port now.
    _ = io:request(User, {put_chars, unicode, ""}),
    {links, Links} = erlang:process_info(User, links),
    case [Port || Port <- Links, is_port(Port)] of
        [] -> ok;
        Ports ->
            drained(Ports, erlang:monotonic_time(millisecond) + ?PATIENCE_MS),
            [exit(Pid, kill) || Pid <- Links, is_pid(Pid), is_user_sup(Pid)]
    end.

is_user_sup(Pid) ->
    case erlang:process_info(Pid, dictionary) of
        {dictionary, Dictionary} -> proplists:get_value('$initial_call', Dictionary) =:= {supervisor_bridge, user_sup, 1};
        undefined -> false
    end.

drained(Ports, Deadline) ->
    Waiting = [Port || Port <- Ports, {queue_size, Size} <- [erlang:port_info(Port, queue_size)], Size > 0],
    case Waiting =/= [] andalso erlang:monotonic_time(millisecond) < Deadline of
        true -> timer:sleep(5), drained(Waiting, Deadline);
        false -> ok
    end.
