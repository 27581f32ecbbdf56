%% What is asked of OTP's release_handler, and the little that it is not told by others: a RELEASES
%% file before the first boot, one mended on a live node, and RELEASES.json as a view of it.
%%
%% RELEASES and start_erl.data are the truth; they are written by release_handler alone while a node
%% runs (or by the same code in the control program, which then starts sasl for itself).
-module(tsugi_handler).
-export([ensure_releases/1, mend_live/0, adopt/1, set_unpacked/1, install/2, make_permanent/1, remove/1,
         releases/0, status/1, ways_back/0, current/0, permanent/0, permanent_on_disk/0, write_start_erl/1,
         settle_permanent/0, write_view/0, write_view/1, write_view_or_later/1, agree/1, view/0]).

-include_lib("kernel/include/file.hrl").

%% --- before a boot ------------------------------------------------------------------------------

%% Every release on disk in RELEASES, Vsn as the permanent one. Written anew only where what stands
%% there is missing, torn, or says otherwise.
ensure_releases(Vsn) ->
    case records(Vsn) of
        {as_on_disk, _} -> ok;
        {other, Records} ->
            tsugi_files:write(releases_file(), io_lib:format("%% coding: utf-8~n~tp.~n", [Records]))
    end.

records(Vsn) ->
    case on_disk() of
        {ok, Releases} ->
            case lists:sort([element(3, R) || R <- Releases, element(6, R) =:= permanent]) of
                [Vsn] -> {as_on_disk, Releases};
                _ -> {other, with_permanent(Vsn, Releases)}
            end;
        error -> {other, with_permanent(Vsn, [])}
    end.

on_disk() ->
    case file:consult(releases_file()) of
        {ok, [Releases]} when is_list(Releases) -> {ok, Releases};
        _ -> error
    end.

releases_file() -> tsugi_layout:at(["releases", "RELEASES"]).

with_permanent(Vsn, Known) ->
    [entry(V, case {V, status_in(V, Known)} of
                  {Vsn, _} -> permanent;
                  {_, permanent} -> old;
                  {_, old} -> old;
                  {_, undefined} -> was_committed(V);
                  _ -> unpacked
              end) || V <- lists:sort(tsugi_layout:versions())].

status_in(V, Known) ->
    case lists:keyfind(V, 3, Known) of false -> undefined; Release -> element(6, Release) end.

was_committed(V) ->
    case maps:get(text(V), view_by_version(), undefined) of
        #{<<"committed">> := N} when is_integer(N) -> old;
        _ -> unpacked
    end.

%% As release_handler's own record: {release, Name, Vsn, ErtsVsn, [{Lib, LibVsn, Dir}], Status}.
entry(Vsn, Status) ->
    #{rel := {release, {Name, _}, {erts, Erts}, _}, apps := Apps} = tsugi_release:load(Vsn),
    {release, Name, Vsn, Erts,
     [{App, V, Dir} || {App, #{vsn := V, dir := Dir}} <- lists:sort(maps:to_list(Apps))], Status}.

write_start_erl(Vsn) ->
    #{erts := Erts} = tsugi_release:load(Vsn),
    tsugi_files:write(start_erl(), [Erts, " ", Vsn, "\n"]).

%% The one release that `tar x` has put here is what the first start boots, whatever is unpacked before.
settle_permanent() ->
    case {permanent_on_disk(), tsugi_layout:versions()} of
        {undefined, [Vsn]} -> write_start_erl(Vsn), ok = ensure_releases(Vsn);
        _ -> ok
    end.

start_erl() -> tsugi_layout:at(["releases", "start_erl.data"]).

permanent_on_disk() ->
    case string:lexemes(tsugi_files:read_text(start_erl()), " ") of
        [_Erts, Vsn] -> Vsn;
        _ -> undefined
    end.

%% --- on a live node -----------------------------------------------------------------------------

%% A node that was started without RELEASES knows itself by name only and could never upgrade. Its
%% release_handler is told the rest; it is neither stopped nor restarted.
mend_live() ->
    {_, Vsn} = init:script_id(),
    Running = [R || {_, _, Libs, _} = R <- release_handler:which_releases(), Libs =:= []],
    case Running of
        [] -> ok;
        _ ->
            ok = adopt(Vsn),
            ensure_releases(Vsn)
    end.

%% The live release_handler takes over what RELEASES says, or is to say as soon as the disk has room.
adopt(Vsn) ->
    {_, Records} = records(Vsn),
    _ = sys:replace_state(release_handler, fun(State) -> with_releases(State, Records) end),
    init:make_permanent(tsugi_layout:release(Vsn, "start"), tsugi_layout:release(Vsn, "sys")).

%% The one element of the state that is a list of release records.
with_releases(State, Releases) ->
    list_to_tuple([case Element of
                       [R | _] when element(1, R) =:= release -> Releases;
                       _ -> Element
                   end || Element <- tuple_to_list(State)]).

%% --- steps --------------------------------------------------------------------------------------

set_unpacked(Vsn) ->
    [RelFile | _] = filelib:wildcard(tsugi_layout:release(Vsn, "*.rel")),
    #{apps := Apps} = tsugi_release:load(Vsn),
    Dirs = [{App, V, filename:dirname(Dir)} || {App, #{vsn := V, dir := Dir}} <- maps:to_list(Apps)],
    tsugi_fault:strike("set-unpacked:before"),
    Outcome = release_handler:set_unpacked(RelFile, Dirs),
    tsugi_fault:strike("set-unpacked:after"),
    case Outcome of
        {ok, Vsn} -> ok;
        {error, {existing_release, Vsn}} -> ok;
        {error, Reason} -> failed(unpack, Reason)
    end.

%% ok | {error, Reason} | restarting
install(Vsn, Options) ->
    tsugi_fault:strike("install:before"),
    Outcome = release_handler:install_release(Vsn, Options),
    tsugi_fault:strike("install:after"),
    case Outcome of
        {ok, _, _} -> ok;
        {error, Reason} -> {error, Reason}
    end.

make_permanent(Vsn) ->
    tsugi_fault:strike("commit:before"),
    Outcome = release_handler:make_permanent(Vsn),
    tsugi_fault:strike("commit:after"),
    case Outcome of
        ok ->
            sync(releases_file()),
            sync(start_erl()),
            case permanent_on_disk() of
                Vsn -> ok;
                Other -> failed(commit, {start_erl_data_says, Other})
            end;
        {error, Reason} -> failed(commit, Reason)
    end.

sync(File) ->
    case file:open(File, [read, write, raw]) of
        {ok, Fd} -> _ = file:sync(Fd), file:close(Fd);
        _ -> ok
    end.

remove(Vsn) ->
    case release_handler:set_removed(Vsn) of
        ok -> ok;
        {error, {no_such_release, Vsn}} -> ok;
        {error, {permanent, Vsn}} ->
            tsugi_error:throw('TSUGI_STATUS_REFUSED',
                              #{version => Vsn, status => permanent, wanted => "removed"});
        {error, Reason} -> failed(remove, Reason)
    end.

-spec failed(atom(), term()) -> no_return().
failed(Step, Reason) ->
    tsugi_error:throw('TSUGI_HANDLER_REFUSED', #{step => Step, problem => io_lib:format("~0tp", [Reason])}).

%% --- asking -------------------------------------------------------------------------------------

%% [{Vsn, Status}]. OTP calls old what was current and never permanent; here that is unpacked.
releases() ->
    Found = case whereis(release_handler) of
        undefined ->
            case on_disk() of
                {ok, Releases} -> [{element(3, R), element(6, R)} || R <- Releases];
                error -> [{V, unpacked} || V <- tsugi_layout:versions()]
            end;
        _ -> [{Vsn, Status} || {_, Vsn, _, Status} <- release_handler:which_releases()]
    end,
    View = view_by_version(),
    [{Vsn, case {Status, maps:get(text(Vsn), View, none)} of
               {old, none} -> old;
               {old, Entry} when not is_map_key(<<"committed">>, Entry) -> unpacked;
               _ -> Status
           end} || {Vsn, Status} <- Found].

status(Vsn) -> proplists:get_value(Vsn, releases()).

%% Where a rollback may go, the last one first.
ways_back() ->
    Committed = [{N, V} || #{<<"version">> := Text, <<"committed">> := N} = Entry <- maps:get(<<"releases">>, view(), []),
                           not is_map_key(<<"rolledBack">>, Entry),
                           V <- [binary_to_list(Text)], status(V) =:= old],
    [V || {_, V} <- lists:reverse(lists:sort(Committed))].

%% What runs: the current one, or else the permanent one.
current() ->
    case [V || {V, current} <- releases()] of
        [V | _] -> V;
        [] -> permanent()
    end.

permanent() ->
    case [V || {V, permanent} <- releases()] of
        [V | _] -> V;
        [] -> undefined
    end.

%% --- RELEASES.json ------------------------------------------------------------------------------

write_view() -> write_view(#{}).

%% For when what it shows is true already: where the disk is full, it comes later.
write_view_or_later(Marks) -> tsugi_files:now_or_later(fun() -> write_view(Marks) end).

%% At a boot that nobody has prepared: RELEASES says what start_erl.data and this node say.
agree(Running) ->
    tsugi_files:now_or_later(fun() ->
        case permanent_on_disk() of
            Running ->
                _ = permanent() =:= Running orelse adopt(Running),
                ok = ensure_releases(Running);
            _ -> ok
        end,
        write_view()
    end).

%% Marks = #{Vsn => #{committed => true, verified => true, rolledBack => true}}
%% One after the other: what is read, changed and written would lose what somebody else writes meanwhile
%% (a write that had to wait for a disk, and comes in the midst of the next upgrade).
write_view(Marks) ->
    global:trans({?MODULE, self()}, fun() -> write_view_alone(Marks) end, [node()]).

write_view_alone(Marks) ->
    Old = view_by_version(),
    Last = lists:max([0 | [N || #{<<"committed">> := N} <- maps:values(Old)]]),
    Entries = [view_entry(V, Status, maps:get(text(V), Old, #{}), maps:get(V, Marks, #{}), Last)
               || {V, Status} <- lists:sort(releases()), tsugi_manifest:id(V) =/= null],
    Json = #{format => 1, name => text(tsugi_layout:name()), releases => Entries},
    tsugi_files:write(view_file(), [tsugi_json:encode(Json), "\n"]).

view_entry(V, Status, Old, Marks, Last) ->
    StatusText = atom_to_binary(Status),
    Since = case Old of
        #{<<"status">> := StatusText, <<"since">> := At} -> At;
        _ -> tsugi_time:iso()
    end,
    Id = tsugi_manifest:id(V),
    %% Another build of the same version, extracted over it, was verified by nobody.
    WasVerified = case Old of #{<<"releaseId">> := Id, <<"verified">> := true} -> true; _ -> false end,
    Base = #{version => text(V), releaseId => Id, status => StatusText, since => Since,
             verified => maps:get(verified, Marks, WasVerified)},
    case {maps:get(committed, Marks, false), Old} of
        {true, _} -> Base#{committed => Last + 1};
        {false, #{<<"committed">> := N}} -> rolled_back(Base#{committed => N}, Marks, Old);
        _ -> Base
    end.

%% It was permanent and then taken back: no rollback goes there by itself.
rolled_back(Entry, #{rolledBack := true}, _) -> Entry#{rolledBack => true};
rolled_back(Entry, _, #{<<"rolledBack">> := true}) -> Entry#{rolledBack => true};
rolled_back(Entry, _, _) -> Entry.

view() ->
    case file:read_file(view_file()) of
        {ok, Bytes} -> try tsugi_json:decode(Bytes) catch _:_ -> #{} end;
        _ -> #{}
    end.

view_by_version() ->
    maps:from_list([{V, E} || #{<<"version">> := V} = E <- maps:get(<<"releases">>, view(), [])]).

view_file() -> tsugi_layout:at(["releases", "RELEASES.json"]).

text(Vsn) -> tsugi_json:text(Vsn).
