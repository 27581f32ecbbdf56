%% Elixir's consolidated protocols: one folder a release, ahead of the applications' own beams in
%% the code path. No appup names them, so a plain install leaves the old ones loaded.
-module(tsugi_protocols).
-export([changes/2, split/2, load/2, switch_path/1]).

%% #{changed => [Module], dir => Dir | none}
changes(#{consolidated := Old}, #{consolidated := New}) ->
    OldFiles = files(Old),
    NewFiles = files(New),
    #{dir => New,
      changed => [M || {M, File} <- lists:sort(maps:to_list(NewFiles)),
                       not maps:is_key(M, OldFiles)
                           orelse tsugi_beams:md5(maps:get(M, OldFiles)) =/= tsugi_beams:md5(File)]}.

files(none) -> #{};
files(Dir) -> tsugi_beams:files(Dir).

%% {Early, Late}: a protocol that only gained implementations is loaded before everything else (old
%% code is none the worse for it), one that loses some after everything else.
split(Changed, DeletedModules) ->
    Loses = fun(M) ->
        Prefix = atom_to_list(M) ++ ".",
        lists:any(fun(D) -> lists:prefix(Prefix, atom_to_list(D)) end, DeletedModules)
    end,
    {Late, Early} = lists:partition(Loses, Changed),
    {Early, Late}.

%% Called by the relup.
load(Dir, Modules) -> lists:foreach(fun(M) -> load_one(Dir, M) end, Modules).

load_one(Dir, M) ->
    File = filename:join(Dir, atom_to_list(M) ++ ".beam"),
    {ok, Binary} = file:read_file(File),
    _ = code:soft_purge(M) orelse code:purge(M),
    {module, M} = code:load_binary(M, File, Binary),
    _ = code:soft_purge(M),
    ok.

%% Called by the relup: code that is not loaded yet comes from the new folder.
switch_path(New) ->
    _ = [code:del_path(Dir) || Dir <- code:get_path(), is_consolidated(Dir), Dir =/= New],
    _ = New =:= none orelse code:add_patha(New),
    ok.

is_consolidated(Dir) -> filename:basename(Dir) =:= "consolidated".
