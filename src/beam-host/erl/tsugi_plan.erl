%% The difference of two releases as a plan: which strategy, why, and each application's part in it.
-module(tsugi_plan).
-export([make/3, why/1, direction/2, compare/2]).

%% So many of what was built otherwise; as src/beam/plan.ts says it.
-define(NAMED, 3).

%% Options: #{force => boolean(), root => where the new one lies}. Pure but for reading the two releases from disk.
make(FromVsn, ToVsn, Options) ->
    From = tsugi_release:load(FromVsn),
    To = tsugi_release:load(ToVsn, maps:get(root, Options, tsugi_layout:root())),
    Direction = maps:get(direction, Options, direction(FromVsn, ToVsn)),
    Restart = restart_reasons(From, To),
    Base = #{from => From, to => To, direction => Direction},
    case Restart of
        [_ | _] -> Base#{strategy => restart, reasons => Restart, apps => [], protocols => #{}};
        [] ->
            Protocols = tsugi_protocols:changes(From, To),
            Apps = moves(From, To, Direction, maps:get(force, Options, false)),
            Base#{strategy => swap, apps => Apps, protocols => Protocols,
                  reasons => reasons(Apps, Protocols) ++ at_next_start(From, To)}
    end.

%% --- what cannot be swapped ---------------------------------------------------------------------

restart_reasons(#{erts := Erts1} = From, #{erts := Erts2} = To) ->
    Both = [{App, V1, V2} || App <- tsugi_release:otp_apps() ++ tsugi_release:elixir_apps(),
                             #{vsn := V1} <- [tsugi_release:app(From, App)],
                             #{vsn := V2} <- [tsugi_release:app(To, App)]],
    [["ERTS ", Erts1, " → ", Erts2] || Erts1 =/= Erts2] ++
        [[platform(App), atom_to_list(App), " ", V1, " → ", V2] || {App, V1, V2} <- Both, V1 =/= V2] ++
        another_build(From, To, [{erts, Erts1, Erts2} | lists:sort(Both)]).

%% The same version by its name, with other bytes: a security rebuild, one more package on the build machine.
another_build(From, To, Both) ->
    {Old, New} = {hashes(From), hashes(To)},
    case [[atom_to_list(App), " ", V] || {App, V, V} <- Both, maps:get(App, Old, none) =/= maps:get(App, New, none)] of
        [] -> [];
        Builds ->
            {Named, More} = lists:split(min(?NAMED, length(Builds)), Builds),
            Count = [[integer_to_list(length(More)), " more"] || More =/= []],
            [["another build of the same version: ", lists:join(", ", Named ++ Count)]]
    end.

hashes(#{dir := Dir}) ->
    File = filename:join(Dir, "release.json"),
    {ok, Bytes} = file:read_file(File),
    #{<<"components">> := Components} = tsugi_manifest:parse(Bytes, File),
    maps:from_list([{binary_to_atom(Name), Hash} || #{<<"name">> := Name, <<"hash">> := Hash} <- Components]).

platform(App) ->
    case lists:member(App, tsugi_release:elixir_apps()) of true -> "Elixir's "; false -> "OTP's " end.

%% Read by a boot only: said, and right from the next start on.
at_next_start(#{dir := From}, #{dir := To}) ->
    [[File, " differs: takes effect at the next start"]
     || File <- ["vm.args", "env.sh"],
        file:read_file(filename:join(From, File)) =/= file:read_file(filename:join(To, File))].

%% --- applications -------------------------------------------------------------------------------

moves(From, To, Direction, Force) ->
    #{apps := Old} = From,
    #{apps := New} = To,
    Skip = consolidated(From) ++ consolidated(To),
    %% The platform's are the same bytes, in another folder perhaps.
    Present = [App || App <- lists:sort(maps:keys(New)), maps:is_key(App, Old), not tsugi_release:is_platform(App)],
    [move(App, maps:get(App, Old), maps:get(App, New), Direction, Skip, Force)
     || App <- Present, changed_app(App, maps:get(App, Old), maps:get(App, New), Skip)]
        ++ [#{app => App, change => added, to => maps:get(App, New), notes => [],
              modules => #{added => [], changed => [], deleted => []}}
            || App <- lists:sort(maps:keys(New)), not maps:is_key(App, Old)]
        ++ [#{app => App, change => removed, from => maps:get(App, Old), notes => [],
              modules => #{added => [], changed => [], deleted => []}}
            || App <- lists:sort(maps:keys(Old)), not maps:is_key(App, New)].

consolidated(#{consolidated := none}) -> [];
consolidated(#{consolidated := Dir}) -> maps:keys(tsugi_beams:files(Dir)).

%% One version with two codes cannot be told apart on a host, now or later: unpack never gets that
%% far (the folder differs), so this meets only trees that were copied by hand.
changed_app(App, #{vsn := Vsn, ebin := Ebin1}, #{vsn := Vsn, ebin := Ebin2}, Skip) when Ebin1 =/= Ebin2 ->
    case tsugi_beams:changes(Ebin1, Ebin2, Skip) of
        {[], [], []} -> false;
        {Added, Deleted, Changed} ->
            tsugi_error:throw('TSUGI_CODE_WITHOUT_VERSION',
                              #{app => App, version => Vsn, module => hd(Changed ++ Added ++ Deleted)})
    end;
changed_app(_, #{vsn := Vsn}, #{vsn := Vsn}, _) -> false;
changed_app(_, _, _, _) -> true.

%% An upgrade can't replace the code that it stands in: see tsugi_renew.
move(tsugi, #{ebin := Old} = From, #{ebin := New} = To, Direction, Skip, _) ->
    {Added, Deleted, Changed} = tsugi_beams:changes(Old, New, Skip),
    #{app => tsugi, from => From, to => To, direction => Direction, change => changed, source => renewed,
      instructions => [], notes => [], left_out => Added ++ Changed,
      modules => #{added => Added, deleted => Deleted, changed => Changed}};
move(App, From, To, Direction, Skip, Force) ->
    Move = #{app => App, from => From, to => To, direction => Direction},
    maps:merge(Move#{change => changed}, tsugi_appup:compute(Move, Skip, Force)).

reasons(Apps, Protocols) ->
    [reason(App) || App <- Apps] ++ lists:append([maps:get(notes, App) || App <- Apps])
        ++ lists:append([started_otherwise(App) || App <- Apps])
        ++ [["consolidated protocols: ", integer_to_list(length(Changed)), " changed"]
            || #{changed := [_ | _] = Changed} <- [Protocols]].

reason(#{change := added, app := App, to := #{vsn := Vsn}}) -> [atom_to_list(App), " ", Vsn, " is new"];
reason(#{change := removed, app := App, from := #{vsn := Vsn}}) -> [atom_to_list(App), " ", Vsn, " goes"];
reason(#{app := App, from := #{vsn := V1}, to := #{vsn := V2}} = Move) ->
    [atom_to_list(App), " ", V1, " → ", V2, ": ", why(Move)].

%% OTP can't ask a running application for its children: nobody would hear of one that is not there.
started_otherwise(#{source := computed, app := App, to := #{ebin := Ebin}, modules := #{added := A, changed := C}}) ->
    {ok, [{application, App, Keys}]} = file:consult(filename:join(Ebin, lists:concat([App, ".app"]))),
    [["what ", atom_to_list(M), ":start/2 does otherwise (children that come or go) takes effect at the next start: ",
      tsugi_layout:bin(), " restart"]
     || {M, _} <- [proplists:get_value(mod, Keys)], lists:member(M, A ++ C)];
started_otherwise(_) -> [].

%% What it means for the node.
why(#{change := added}) -> "its application is started";
why(#{change := removed}) -> "its application is stopped";
why(#{source := Source, modules := #{added := A, changed := C, deleted := D}}) ->
    [lists:join(", ", [[integer_to_list(length(L)), " ", What]
                       || {L, What} <- [{C, "changed"}, {A, "new"}, {D, "deleted"}]]),
     case Source of
         own -> ", by its own appup";
         renewed -> "; loaded when the upgrade is over";
         computed -> ""
     end].

%% --- which way ----------------------------------------------------------------------------------

%% The newer code knows how to carry state both ways, so the direction says whose code_change runs.
direction(From, To) ->
    case compare(From, To) of
        greater -> down;
        _ -> up
    end.

%% Semver's order; then the first number of the build part (`version: "git"` counts commits there).
compare(A, B) ->
    case {parts(A), parts(B)} of
        {Same, Same} -> equal;
        {PartsA, PartsB} when PartsA < PartsB -> less;
        _ -> greater
    end.

parts(Vsn) ->
    {Rest, Build} = cut(Vsn, "+"),
    {Core, Pre} = cut(Rest, "-"),
    {numbers(Core), case Pre of "" -> {1, []}; _ -> {0, numbers(Pre)} end, numbers(Build)}.

cut(Text, Separator) ->
    case string:split(Text, Separator) of
        [Head, Tail] -> {Head, Tail};
        [Head] -> {Head, ""}
    end.

%% Numbers sort before words, as in semver.
numbers("") -> [];
numbers(Text) ->
    [case string:to_integer(Part) of {N, []} when is_integer(N) -> {0, N}; _ -> {1, Part} end
     || Part <- string:split(Text, ".", all)].
