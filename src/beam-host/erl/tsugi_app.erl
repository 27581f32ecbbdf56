%% tsugi as an application of the release: one supervisor, one server.
-module(tsugi_app).
-behaviour(application).
-behaviour(supervisor).
-export([start/2, stop/1, init/1]).

start(_, _) -> supervisor:start_link({local, tsugi_sup}, ?MODULE, []).

stop(_) -> ok.

init([]) ->
    {ok, {#{strategy => one_for_one, intensity => 10, period => 60},
          [#{id => tsugi_server, start => {tsugi_server, start_link, []}}]}}.
