%% Roots of one owner in one folder share the bytes of a runtime: the emulator, Erlang's and Elixir's
%% applications, one folder erts-*, whose files nobody opens to write. As src/handler/sharedRuntime.ts: what a
%% neighbour has is linked here once it is held against the manifest, and read-only from then on.
-module(tsugi_share).
-export([runtime/1, link/2, share/1]).

-include_lib("kernel/include/file.hrl").

%% Its folder, as tsugi_unpack names one.
runtime(#{<<"runtime">> := #{<<"dir">> := Erts}}) -> [Erts].

%% Of a release that stands here with a runtime of its own, as after `tar x`. What it has of its own serves as well.
share(Manifest) ->
    Folder = tsugi_unpack:staged_file(""),
    Files = files(Manifest),
    try
        lists:all(fun(File) -> (info(tsugi_layout:root(), File))#file_info.links > 1 end, Files)
            orelse link(Manifest, Folder) andalso
                [ok = file:rename(at(Folder, File), at(tsugi_layout:root(), File)) || File <- Files],
        ok
    catch error:_ -> ok
    after tsugi_files:remove_tree(Folder)
    end.

%% Puts the runtime below Folder, as links to what a neighbour has. Answers whether that is possible and safe; if
%% not, nothing of it is there.
link(Manifest, Folder) ->
    Root = tsugi_layout:root(),
    ok = filelib:ensure_dir(filename:join(Folder, "x")),
    %% A new folder is of whoever this process is.
    {ok, #file_info{uid = Owner}} = file:read_file_info(Folder),
    {ok, #file_info{uid = OwnerOfRoot}} = file:read_file_info(Root),
    Files = files(Manifest),
    %% Nothing is read-only to root, which would change a file in all of its roots at once.
    Owner =/= 0 andalso Owner =:= OwnerOfRoot andalso Files =/= []
        andalso not lists:any(fun(File) -> is_map_key(<<"link">>, File) end, Files)
        andalso lists:any(fun(Neighbour) -> link_all(Neighbour, Folder, Manifest, Owner) end, neighbours(Root, Manifest)).

neighbours(Root, Manifest) ->
    Parent = filename:dirname(Root),
    Names = case file:list_dir(Parent) of {ok, Found} -> lists:sort(Found); _ -> [] end,
    [Neighbour || Name <- Names, Neighbour <- [filename:join(Parent, Name)], Neighbour =/= Root,
                  filelib:is_dir(filename:join([Neighbour | runtime(Manifest)]))].

link_all(Neighbour, Folder, Manifest, Owner) ->
    Files = files(Manifest),
    try
        [link_unchangeable(Neighbour, Folder, File, Owner) || File <- Files],
        ok = tsugi_manifest:verify_tree(#{<<"files">> => Files}, Folder),
        [ok = file:change_mode(at(Folder, File), Mode band 8#555) || #{<<"mode">> := Mode} = File <- Files],
        true
    catch error:_ -> % another file system, other bytes, or a neighbour that goes just now
        tsugi_files:remove_tree(filename:join([Folder | runtime(Manifest)])),
        false
    end.

%% Looked at once it is here: whose folder it was in may put another there.
link_unchangeable(Neighbour, Folder, #{<<"mode">> := Expected} = File, Owner) ->
    ok = filelib:ensure_dir(at(Folder, File)),
    ok = file:make_link(at(Neighbour, File), at(Folder, File)),
    #file_info{type = regular, uid = Owner, mode = Mode} = info(Folder, File),
    0 = Mode band 8#022,
    true = Mode band 8#7555 =:= Expected band 8#555.

files(#{<<"files">> := Files} = Manifest) ->
    [Erts] = runtime(Manifest),
    [File || #{<<"path">> := Path} = File <- Files, hd(filename:split(Path)) =:= Erts].

info(Folder, File) ->
    {ok, Info} = file:read_link_info(at(Folder, File), [raw]),
    Info.

at(Folder, #{<<"path">> := Path}) -> filename:join(Folder, unicode:characters_to_list(Path)).
