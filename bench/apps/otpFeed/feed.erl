%% The sequence in memory, and who listens to it: what bench/apps/feed holds in its process.
-module(feed).
-behaviour(gen_server).
-vsn(?VSN).
-export([start_link/0, next/0, sequence/0, listen/1, version/0]).
-export([init/1, handle_call/3, handle_cast/2, handle_info/2, code_change/3]).

start_link() -> gen_server:start_link({local, ?MODULE}, ?MODULE, [], []).
next() -> gen_server:call(?MODULE, next, infinity).
sequence() -> gen_server:call(?MODULE, sequence, infinity).
%% The caller is sent {result, Sequence} for each further one. Returns the last.
listen(Pid) -> gen_server:call(?MODULE, {listen, Pid}, infinity).
version() -> ?VSN.

init([]) -> {ok, {0, #{}}}.

handle_call(next, _, {Last, Listeners}) ->
    [Pid ! {result, Last + 1} || Pid <- maps:keys(Listeners)],
    {reply, Last + 1, {Last + 1, Listeners}};
handle_call(sequence, _, {Last, _} = State) -> {reply, Last, State};
handle_call({listen, Pid}, _, {Last, Listeners}) ->
    _ = monitor(process, Pid),
    {reply, Last, {Last, Listeners#{Pid => true}}}.
handle_cast(_, State) -> {noreply, State}.
handle_info({'DOWN', _, process, Pid, _}, {Last, Listeners}) -> {noreply, {Last, maps:remove(Pid, Listeners)}};
handle_info(_, State) -> {noreply, State}.
code_change(_, State, _) -> {ok, State}.
