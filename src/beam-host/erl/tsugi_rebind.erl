%% Functions kept as values, made anew from their names so that they run the code that is loaded now:
%% telemetry's handlers, and the hooks of LiveViews. Only named ones without an environment, which mean
%% the same whatever stands around them; an anonymous function is known by its number only.
%% Inside the pause, behind the load: nobody serves, the old code is still there. Hooks while the views are
%% suspended; handlers when processes with state go on, for telemetry's own table has one.
-module(tsugi_rebind).
-export([handlers/1, hooks/2]).

handlers(Modules) ->
    try telemetry:list_handlers([]) of
        Handlers ->
            Anew = [{{Id, New, Config}, Event} || #{id := Id, event_name := Event, function := F, config := Config} <- Handlers,
                                                  {ok, New} <- [anew(F, Modules)]],
            %% One that was attached to many events is one: it is detached from all of them.
            maps:foreach(fun({Id, New, Config}, Events) ->
                _ = ok =:= telemetry:detach(Id) andalso telemetry:attach_many(Id, Events, New, Config)
            end, maps:groups_from_list(fun({Handler, _}) -> Handler end, fun({_, Event}) -> Event end, Anew))
    catch error:undef -> ok
    end.

%% LiveViews keep hooks in the private part of their socket. They are suspended, and do it themselves.
hooks(Pids, Modules) ->
    Renew = fun(#{socket := #{private := Private} = Socket} = State) ->
                    State#{socket := Socket#{private := in_term(Private, Modules)}};
               (State) -> State
            end,
    [catch sys:replace_state(Pid, Renew, 1000) || Pid <- Pids],
    ok.

in_term(F, Modules) when is_function(F) ->
    case anew(F, Modules) of {ok, New} -> New; none -> F end;
in_term([Head | Tail], Modules) -> [in_term(Head, Modules) | in_term(Tail, Modules)];
in_term(Tuple, Modules) when is_tuple(Tuple) ->
    list_to_tuple([in_term(Each, Modules) || Each <- tuple_to_list(Tuple)]);
in_term(Map, Modules) when is_map(Map) -> maps:map(fun(_, V) -> in_term(V, Modules) end, Map);
in_term(Term, _) -> Term.

%% {ok, Function} | none: it is of none of these modules, is current, has no name, or is no more.
anew(F, Modules) ->
    {module, M} = erlang:fun_info(F, module),
    IsOurs = lists:member(M, Modules) andalso erlang:fun_info(F, type) =:= {type, local}
        andalso not tsugi_funs:belongs(F) andalso tsugi_funs:is_exact(F),
    case IsOurs of
        true ->
            {name, Name} = erlang:fun_info(F, name),
            {arity, Arity} = erlang:fun_info(F, arity),
            case erlang:function_exported(M, Name, Arity) of
                true -> {ok, fun M:Name/Arity};
                false -> private(M, Name, Arity)
            end;
        false -> none
    end.

%% A function that is not exported can be named by its place in the beam's table of functions only: in the
%% external term format (NEW_FUN_EXT), with the identity of the code that is loaded.
private(M, Name, Arity) ->
    case beam_lib:chunks(code:which(M), ["FunT", atoms]) of
        {ok, {M, [{"FunT", <<_:32, Table/binary>>}, {atoms, Atoms}]}} ->
            case [{Index, Uniq} || <<Atom:32, A:32, _:32, Index:32, 0:32, Uniq:32>> <= Table, A =:= Arity,
                                   proplists:get_value(Atom, Atoms) =:= Name] of
                [{Index, Uniq}] -> {ok, decoded(M, Arity, Index, Uniq)};
                _ -> none
            end;
        _ -> none
    end.

decoded(M, Arity, Index, Uniq) ->
    Encode = fun(Term) -> <<131, Bytes/binary>> = term_to_binary(Term), Bytes end,
    Body = iolist_to_binary([Arity, M:module_info(md5), <<Index:32, 0:32>>, Encode(M), Encode(Index), Encode(Uniq),
                             Encode(self())]),
    binary_to_term(<<131, 112, (byte_size(Body) + 4):32, Body/binary>>).
