%% A GenServer that holds what bench/apps/live holds: a map of records, about 100 bytes each.
%% SHAPE 1: as it is; SHAPE 2: each record is made anew on the way up and on the way down.
-module(counter).
-behaviour(gen_server).
-vsn(?VSN).
-export([start_link/0, init/1, handle_call/3, handle_cast/2, code_change/3]).

start_link() -> gen_server:start_link({local, ?MODULE}, ?MODULE, [], []).

init([]) ->
    {ok, Megabytes} = application:get_env(counter, megabytes),
    {ok, maps:from_list([{<<"admiral-", (integer_to_binary(N))/binary>>,
                          #{name => <<"mikasa">>, rank => N rem 30, points => N * 1.5}}
                         || N <- lists:seq(1, Megabytes * 10000)])}.

handle_call(size, _From, Records) -> {reply, maps:size(Records), Records}.
handle_cast(_, Records) -> {noreply, Records}.

-if(?SHAPE =:= 1).
code_change(_, Records, _) -> {ok, Records}.
-else.
code_change({down, _}, Records, _) ->
    {ok, maps:map(fun(_, Record) -> maps:remove(fleet, Record) end, Records)};
code_change(_, Records, _) ->
    {ok, maps:map(fun(_, Record) -> Record#{fleet => <<"combined">>} end, Records)}.
-endif.
