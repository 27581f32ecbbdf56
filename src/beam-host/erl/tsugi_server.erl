%% The node's end of bin/<app>: says what runs, starts an upgrade and tells everyone who listens how it
%% goes. An upgrade goes on when its listeners are gone; the same command again attaches to it.
-module(tsugi_server).
-behaviour(gen_server).
-export([start_link/0, upgrade/2, status/0, etc_applied/0, generation/0]).
-export([init/1, handle_call/3, handle_cast/2, handle_info/2, terminate/2, code_change/3]).

start_link() -> gen_server:start_link({local, ?MODULE}, ?MODULE, [], []).

%% Subscriber gets {tsugi_event, Event} and at last {tsugi_result, Result}.
%% ok | {under_way, Vsn}
upgrade(Request, Subscriber) -> gen_server:call(?MODULE, {upgrade, Request, Subscriber}, infinity).

status() -> gen_server:call(?MODULE, status, 30000).

etc_applied() -> gen_server:call(?MODULE, etc_applied).

generation() -> gen_server:call(?MODULE, generation).

init([]) ->
    process_flag(trap_exit, true),
    self() ! booted,
    %% A VM that the keeper has started again must not end because the disk is full.
    ok = tsugi_files:now_or_later(fun say_node/0),
    ok = tsugi_output:start(),
    {ok, #{since => tsugi_time:iso(), etc => tsugi_settings:etc_hash(), generation => 1,
           upgrade => none}}.

%% run/node: how bin/<app> reaches this node.
say_node() ->
    Kind = case net_kernel:longnames() of true -> "name"; false -> "sname"; _ -> "none" end,
    tsugi_files:write(tsugi_layout:at(["run", "node"]), [Kind, " ", atom_to_list(node()), "\n"]),
    tsugi_files:write(tsugi_layout:at(["run", "pid"]), [os:getpid(), "\n"]).

handle_call({upgrade, #{asked := Asked, goal := Goal} = Request, Subscriber}, _, #{upgrade := none} = S) ->
    Current = tsugi_handler:current(),
    case tsugi_handler:status(Current) of
        %% An install waits for its commit, or to be given up.
        current when Asked =/= Current, Goal =/= give_up -> {reply, {under_way, Current}, S};
        _ ->
            Server = self(),
            {Pid, Reference} = spawn_monitor(fun() -> work(Server, Request) end),
            {reply, ok, S#{upgrade => #{pid => Pid, reference => Reference, request => Request, step => starting,
                                        events => [], listeners => [Subscriber], result => none}}}
    end;
%% Only the same wish is attached to: who wants a check must not get an upgrade.
handle_call({upgrade, #{asked := Asked, goal := Goal}, Subscriber}, _,
            #{upgrade := #{request := #{asked := Asked, goal := Goal}, listeners := Listeners, events := Events} = U} = S) ->
    [Subscriber ! {tsugi_event, Event} || Event <- lists:reverse(Events)],
    {reply, ok, S#{upgrade => U#{listeners => [Subscriber | Listeners]}}};
handle_call({upgrade, _, _}, _, #{upgrade := #{request := #{asked := Asked}}} = S) ->
    {reply, {under_way, Asked}, S};
handle_call(status, _, #{upgrade := Upgrade} = S) ->
    UpgradeInfo = case Upgrade of
        none -> null;
        #{request := #{asked := Asked}, step := Step} ->
            #{to => tsugi_json:text(Asked), step => tsugi_json:text(Step)}
    end,
    {reply, tsugi_status:running(S, UpgradeInfo), S};
handle_call(etc_applied, _, S) -> {reply, ok, S#{etc => tsugi_settings:etc_hash()}};
handle_call(generation, _, #{generation := N} = S) -> {reply, N, S}.

work(Server, Request) ->
    true = register(tsugi_upgrade, self()),
    tsugi_handler:mend_live(),
    Result = tsugi_upgrade:run(Request, fun(Event) -> Server ! {event, Event} end),
    Server ! {result, Result}.

handle_cast(_, S) -> {noreply, S}.

handle_info({event, Event}, #{upgrade := #{listeners := Listeners, events := Events} = U} = S) ->
    [Listener ! {tsugi_event, Event} || Listener <- Listeners],
    {step, Name, _, _} = Event,
    {noreply, S#{upgrade => U#{events => [Event | Events], step => Name}}};
handle_info({result, Result}, #{upgrade := U, generation := N} = S) ->
    Changed = case Result of
        {done, #{result := <<"committed">>, strategy := Strategy}, _} -> Strategy =/= <<"none">>;
        _ -> false
    end,
    New = S#{upgrade => U#{result => Result}},
    {noreply, case Changed of
                  true -> New#{generation => N + 1, etc => tsugi_settings:etc_hash()};
                  false -> New
              end};
handle_info({'DOWN', Reference, process, _, Reason},
            #{upgrade := #{reference := Reference, listeners := Listeners, result := Result}} = S) ->
    Final = case Result of
        none -> {failed, {tsugi_error, 'TSUGI_INTERNAL',
                          #{problem => io_lib:format("the upgrade ended: ~0tp", [Reason])}}, #{}};
        _ -> Result
    end,
    _ = spawn(tsugi_renew, tell, [Listeners, Final]),
    {noreply, S#{upgrade => none}};
handle_info(booted, S) ->
    spawn(fun tsugi_boot:after_boot/0),
    {noreply, S};
handle_info(_, S) -> {noreply, S}.

terminate(_, _) -> ok.

%% By tsugi_renew. The state is a map: a version that adds a key gives it its value here.
code_change(_, S, _) -> {ok, S}.
