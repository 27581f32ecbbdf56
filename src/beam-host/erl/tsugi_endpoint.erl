%% Serves the metrics on loopback, at a port or a Unix socket, as the settings say. As much HTTP as a
%% scrape is. It waits by messages and stands in no code of its own, so that it holds no upgrade up.
-module(tsugi_endpoint).
-behaviour(gen_server).
-export([apply_settings/0, renew/0, start_link/1]).
-export([init/1, handle_call/3, handle_cast/2, handle_info/2, terminate/2]).

-define(AGAIN_MS, 250).
-define(REQUEST_MS, 5000).
-define(MAX_HEAD, 8192).
%% What a socket's path may have; the system cuts what is longer.
-define(MAX_PATH, 100).

%% What is served already goes on.
apply_settings() ->
    Wanted = wanted(),
    case [Pid || {?MODULE, Pid, _, _} <- supervisor:which_children(tsugi_sup), is_pid(Pid)] of
        [Pid] -> case gen_server:call(Pid, wanted) of Wanted -> ok; _ -> start(Wanted) end;
        [] -> start(Wanted)
    end.

%% In the code that is loaded now.
renew() -> start(wanted()).

start(Wanted) ->
    _ = supervisor:terminate_child(tsugi_sup, ?MODULE),
    _ = supervisor:delete_child(tsugi_sup, ?MODULE),
    _ = Wanted =:= [] orelse
        ({ok, _} = supervisor:start_child(tsugi_sup, #{id => ?MODULE, start => {?MODULE, start_link, [Wanted]}})),
    ok.

wanted() ->
    Get = fun(Key) -> tsugi_settings:get(tsugi_handler:current(), [<<"metrics">>, Key]) end,
    [{port, Port} || Port <- [Get(<<"port">>)], Port =/= null]
        ++ [{socket, Path} || Path <- [Get(<<"socket">>)], Path =/= null].

start_link(Wanted) -> gen_server:start_link(?MODULE, Wanted, []).

init(Wanted) ->
    process_flag(trap_exit, true),
    [self() ! {listen, Place} || Place <- Wanted],
    {ok, #{wanted => Wanted, listening => []}}.

handle_call(wanted, _, #{wanted := Wanted} = S) -> {reply, Wanted, S}.

handle_cast(_, S) -> {noreply, S}.

handle_info({listen, Place}, #{listening := Listening} = S) ->
    case listen(Place) of
        {ok, Socket} -> {noreply, accept(Socket, S#{listening => [{Place, Socket} | Listening]})};
        {error, Reason} ->
            %% The service does not depend on it: said once, and tried until it works.
            _ = maps:get(said, S, none) =:= Reason orelse logger:error("metrics: ~tp; tried again until it works", [Reason]),
            _ = erlang:send_after(?AGAIN_MS, self(), {listen, Place}),
            {noreply, S#{said => Reason}}
    end;
handle_info({'$socket', Socket, select, _}, S) -> {noreply, accept(Socket, S)};
handle_info(_, S) -> {noreply, S}.

%% A socket's file outlives its socket.
terminate(_, #{listening := Listening}) ->
    _ = [socket:close(Socket) || {_, Socket} <- Listening],
    _ = [file:delete(Path) || {{socket, Path}, _} <- Listening],
    ok.

listen({port, Port}) ->
    {ok, Socket} = socket:open(inet, stream, tcp),
    ok = socket:setopt(Socket, {socket, reuseaddr}, true),
    bound(Socket, #{family => inet, addr => {127, 0, 0, 1}, port => Port});
listen({socket, Path}) when byte_size(Path) > ?MAX_PATH -> {error, {path_too_long, Path}};
listen({socket, Path}) ->
    %% What a VM that was killed has left there.
    _ = file:delete(Path),
    {ok, Socket} = socket:open(local, stream),
    case bound(Socket, #{family => local, path => Path}) of
        {ok, _} = Bound -> _ = file:change_mode(Path, 8#660), Bound;
        Error -> Error
    end.

bound(Socket, Address) ->
    case socket:bind(Socket, Address) of
        ok -> ok = socket:listen(Socket), {ok, Socket};
        Error -> _ = socket:close(Socket), Error
    end.

accept(Socket, S) ->
    case socket:accept(Socket, nowait) of
        {ok, Client} ->
            Pid = spawn(fun() -> receive go -> converse(Client, <<>>) end end),
            _ = socket:setopt(Client, {otp, controlling_process}, Pid),
            Pid ! go,
            accept(Socket, S);
        {select, _} -> S;
        {error, _} -> S
    end.

%% One request, one answer.
converse(Client, Head) ->
    case {binary:match(Head, <<"\r\n\r\n">>), byte_size(Head) > ?MAX_HEAD} of
        {_, true} -> ok;
        {nomatch, _} ->
            case socket:recv(Client, 0, ?REQUEST_MS) of
                {ok, More} -> converse(Client, <<Head/binary, More/binary>>);
                {error, _} -> ok
            end;
        _ -> _ = socket:send(Client, answer(Head), ?REQUEST_MS)
    end,
    socket:close(Client).

answer(Head) ->
    case re:run(Head, <<"^GET /metrics(\\?\\S*)? HTTP/1\\.[01]\r\n">>, [{capture, none}]) of
        match ->
            try tsugi_metrics:text() of
                Text -> response("200 OK", "application/openmetrics-text; version=1.0.0; charset=utf-8", [Text, "\n"])
            catch _:Reason -> response("503 Service Unavailable", "text/plain", io_lib:format("~0tp~n", [Reason]))
            end;
        nomatch -> response("404 Not Found", "text/plain", "It is at /metrics\n")
    end.

response(Status, Type, Text) ->
    Body = unicode:characters_to_binary(Text),
    ["HTTP/1.1 ", Status, "\r\nContent-Type: ", Type, "\r\nContent-Length: ", integer_to_list(byte_size(Body)),
     "\r\nConnection: close\r\n\r\n", Body].
