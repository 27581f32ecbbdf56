%% An appup, from the two sets of beams; or the application's own, checked.
%%
%% compute/3 answers #{instructions, source => own | computed, modules => [changed], notes}.
-module(tsugi_appup).
-export([compute/3, own_instructions/4, mentioned/1]).

%% Move = #{app, from => #{vsn, ebin}, to => #{vsn, ebin}, direction => up | down}
%% Skip = modules that are loaded otherwise (consolidated protocols).
compute(#{app := App, from := From, to := To, direction := Direction}, Skip, Force) ->
    {Added, Deleted, Changed} =
        tsugi_beams:changes(maps:get(ebin, From), maps:get(ebin, To), Skip),
    Modules = #{added => Added, deleted => Deleted, changed => Changed},
    case own_instructions(App, From, To, Direction) of
        {ok, Instructions} ->
            LeftOut = left_out(App, Instructions, Added ++ Deleted ++ Changed, Force),
            #{source => own, instructions => Instructions, modules => Modules, left_out => LeftOut,
              notes => [["the appup of ", atom_to_list(App), " leaves out ", atom_to_list(M)] || M <- LeftOut]};
        none ->
            %% In a downgrade the code that runs, the newer, carries the state.
            Carrier = case Direction of up -> To; down -> From end,
            #{source => computed, modules => Modules, notes => [],
              instructions => instructions(Modules, To, Carrier)}
    end.

%% --- computed -----------------------------------------------------------------------------------

instructions(#{added := Added, deleted := Deleted, changed := Changed}, To, Carrier) ->
    Touched = Added ++ Changed,
    Files = tsugi_beams:files(maps:get(ebin, To)),
    Carriers = tsugi_beams:files(maps:get(ebin, Carrier)),
    Imports = fun(M) ->
        [D || D <- maps:get(imports, tsugi_beams:facts(maps:get(M, Files))), lists:member(D, Touched)]
    end,
    {Supervisors, Others} = lists:partition(
        fun(M) -> kind(M, Files, Carriers) =:= supervisor end, Changed),
    [{add_module, M, Imports(M) -- Changed} || M <- Added]
        ++ [{update, M, supervisor} || M <- Supervisors]
        ++ [change(kind(M, Files, Carriers), M, acyclic(M, Imports, Changed)) || M <- Others]
        ++ [{delete_module, M} || M <- Deleted].

kind(M, Files, Carriers) ->
    maps:get(kind, tsugi_beams:facts(maps:get(M, Carriers, maps:get(M, Files)))).

change({special, code_change}, M, Deps) -> {update, M, {advanced, []}, soft_purge, soft_purge, Deps};
change(special, M, Deps) -> {update, M, soft, soft_purge, soft_purge, Deps};
change(plain, M, Deps) -> {load_module, M, soft_purge, soft_purge, Deps}.

%% What M needs is loaded before M. Where two need each other no order is right: then none is said.
acyclic(M, Imports, Changed) ->
    [D || D <- Imports(M), lists:member(D, Changed), not reaches(D, M, Imports, Changed, [])].

reaches(From, Target, Imports, Changed, Seen) ->
    Next = [D || D <- Imports(From), lists:member(D, Changed)],
    lists:member(Target, Next) orelse
        lists:any(fun(D) -> not lists:member(D, Seen)
                                andalso reaches(D, Target, Imports, Changed, [From | Seen]) end, Next).

%% --- the application's own ------------------------------------------------------------------------

%% The appup of the newer of the two says both ways. Versions are matched as they are, and without
%% the part that the build has appended to tell builds apart.
own_instructions(App, From, To, Direction) ->
    {Newer, Other} = case Direction of up -> {To, From}; down -> {From, To} end,
    File = filename:join(maps:get(ebin, Newer), lists:concat([App, ".appup"])),
    case file:consult(File) of
        {ok, [{_Vsn, Up, Down}]} ->
            find(maps:get(vsn, Other), case Direction of up -> Up; down -> Down end);
        {ok, _} -> bad_appup(App, "it is not {Vsn, UpFrom, DownTo}");
        {error, enoent} -> none;
        {error, Reason} -> bad_appup(App, file:format_error(Reason))
    end.

find(Vsn, Entries) ->
    Candidates = lists:usort([Vsn, base(Vsn)]),
    case [Instructions || {Pattern, Instructions} <- entries(Entries),
                          lists:any(fun(V) -> matches(Pattern, V) end, Candidates)] of
        [Found | _] -> {ok, Found};
        [] -> none
    end.

entries(Entries) -> [case E of {V, I} -> {V, I}; {V, _Description, I} -> {V, I} end || E <- Entries].

base(Vsn) -> hd(string:split(Vsn, "+")).

matches(Pattern, Vsn) when is_binary(Pattern) ->
    case re:run(Vsn, Pattern, [{capture, first, list}]) of
        {match, [Vsn]} -> true;
        _ -> false
    end;
matches(Vsn, Vsn) -> true;
matches(_, _) -> false.

%% Modules that changed and that the appup does not mention: an error, unless forced.
left_out(App, Instructions, Modules, Force) ->
    Missing = case restarts_all(Instructions) of true -> []; false -> Modules -- mentioned(Instructions) end,
    Missing =:= [] orelse Force orelse
        tsugi_error:throw('TSUGI_APPUP_INCOMPLETE',
                          #{app => App, modules => lists:flatten(lists:join(", ", [atom_to_list(M) || M <- Missing]))}),
    Missing.

restarts_all(Instructions) ->
    lists:any(fun({restart_application, _}) -> true;
                 ({remove_application, _}) -> true;
                 (restart_new_emulator) -> true;
                 (restart_emulator) -> true;
                 (_) -> false
              end, Instructions).

mentioned(Instructions) ->
    lists:usort(lists:flatmap(
        fun(I) when is_tuple(I), tuple_size(I) >= 2 ->
                case {element(1, I), element(2, I)} of
                    {Verb, {M, _, _}} when Verb =:= load; Verb =:= remove -> [M];
                    {load_object_code, {_, _, Ms}} -> Ms;
                    {Verb, M} when is_atom(M), Verb =/= add_application -> [M];
                    _ -> []
                end;
           (_) -> []
        end, Instructions)).

-spec bad_appup(atom(), term()) -> no_return().
bad_appup(App, Problem) ->
    tsugi_error:throw('TSUGI_APPUP_INVALID', #{app => App, problem => Problem}).
