%% HTTP/1.1 and a WebSocket feed on gen_tcp, a process a connection: as much of both as the
%% benchmark's clients speak. It has no state of its own and is the same in every version.
-module(feed_http).
-export([start_link/0, accept/1, request/1]).

start_link() ->
    Port = list_to_integer(os:getenv("PORT")),
    {ok, Listener} = gen_tcp:listen(Port, [binary, {ip, {127, 0, 0, 1}}, {active, false}, {packet, http_bin},
                                           {reuseaddr, true}, {nodelay, true}, {backlog, 511}]),
    Pid = spawn_link(?MODULE, accept, [Listener]),
    {ok, Pid}.

accept(Listener) ->
    {ok, Socket} = gen_tcp:accept(Listener),
    Pid = spawn(?MODULE, request, [Socket]),
    ok = gen_tcp:controlling_process(Socket, Pid),
    ?MODULE:accept(Listener).

request(Socket) ->
    case gen_tcp:recv(Socket, 0) of
        {ok, {http_request, 'GET', {abs_path, Path}, _}} -> answer(Socket, Path, headers(Socket, #{}));
        _ -> gen_tcp:close(Socket)
    end.

headers(Socket, Headers) ->
    case gen_tcp:recv(Socket, 0) of
        {ok, {http_header, _, Name, _, Value}} -> headers(Socket, Headers#{lower(Name) => Value});
        _ -> Headers
    end.

lower(Name) when is_atom(Name) -> lower(atom_to_binary(Name));
lower(Name) -> string:lowercase(Name).

answer(Socket, <<"/feed", _/binary>>, #{<<"sec-websocket-key">> := Key}) ->
    Accept = base64:encode(crypto:hash(sha, <<Key/binary, "258EAFA5-E914-47DA-95CA-C5AB0DC85B11">>)),
    ok = inet:setopts(Socket, [{packet, raw}]),
    send(Socket, ["HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
                  "Sec-WebSocket-Accept: ", Accept, "\r\n\r\n"]),
    Last = feed:listen(self()),
    text(Socket, io_lib:format("{\"type\":\"welcome\",\"sequence\":~b}", [Last])),
    listen(Socket, <<>>);
answer(Socket, Path, Headers) ->
    Sequence = case Path of <<"/">> -> feed:next(); _ -> feed:sequence() end,
    Body = io_lib:format("{\"sequence\":~b}", [Sequence]),
    send(Socket, ["HTTP/1.1 200 OK\r\nx-version: ", feed:version(), "\r\nx-request-id: ",
                  maps:get(<<"x-request-id">>, Headers, <<>>),
                  "\r\ncontent-length: ", integer_to_binary(iolist_size(Body)), "\r\n\r\n", Body]),
    case Headers of
        #{<<"connection">> := <<"close">>} -> gen_tcp:close(Socket);
        _ -> ?MODULE:request(Socket)
    end.

listen(Socket, Bytes) ->
    ok = inet:setopts(Socket, [{active, once}]),
    receive
        {tcp, Socket, More} -> listen(Socket, frames(Socket, <<Bytes/binary, More/binary>>));
        {result, Sequence} ->
            text(Socket, io_lib:format("{\"type\":\"result\",\"sequence\":~b}", [Sequence])),
            listen(Socket, Bytes);
        _ -> gen_tcp:close(Socket)
    end.

%% Short text frames, masked; anything else closes the connection. Returns the bytes left over.
frames(Socket, <<1:1, 0:3, 1:4, 1:1, Length:7, Mask:4/binary, Masked:Length/binary, Rest/binary>>) when Length < 126 ->
    Key = binary:part(binary:copy(Mask, Length div 4 + 1), 0, Length),
    {match, [Id]} = re:run(crypto:exor(Masked, Key), "\"id\":\"([^\"]*)\"", [{capture, all_but_first, binary}]),
    text(Socket, ["{\"type\":\"pong\",\"id\":\"", Id, "\",\"version\":\"", feed:version(), "\"}"]),
    frames(Socket, Rest);
frames(Socket, <<1:1, 0:3, 8:4, _/bitstring>>) ->
    send(Socket, <<16#88, 0>>),
    self() ! close,
    <<>>;
frames(_, Bytes) -> Bytes.

text(Socket, Text) -> send(Socket, [<<16#81, (iolist_size(Text))>>, Text]).
send(Socket, Bytes) -> _ = gen_tcp:send(Socket, Bytes).
