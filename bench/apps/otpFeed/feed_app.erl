-module(feed_app).
-behaviour(application).
-behaviour(supervisor).
-export([start/2, stop/1, init/1]).

start(_, _) ->
    {ok, Pid} = supervisor:start_link(?MODULE, []),
    _ = spawn(feed_control, loop, []),
    {ok, Pid}.
stop(_) -> ok.

init([]) ->
    {ok, {#{}, [#{id => feed, start => {feed, start_link, []}},
                #{id => feed_http, start => {feed_http, start_link, []}}]}}.
