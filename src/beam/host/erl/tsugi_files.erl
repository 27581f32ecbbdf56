%% Durable writes: temporary file, fsync, rename, fsync of the folder. And removing trees. A write's
%% label, for tsugi_fault, is its file's name: `relup:write` before the rename, `relup:written` after it.
-module(tsugi_files).
-export([write/2, write/3, append/2, remove_tree/1, sync_dir/1, read_text/1]).

write(File, Data) -> write(File, Data, 8#644).

write(File, Data, Mode) ->
    Temporary = lists:concat([File, ".", os:getpid(), ".tmp"]),
    ok = filelib:ensure_dir(File),
    {ok, Fd} = file:open(Temporary, [write, raw, binary]),
    try
        ok = file:change_mode(Temporary, Mode),
        ok = file:write(Fd, unicode:characters_to_binary(Data)),
        ok = file:sync(Fd)
    after
        file:close(Fd)
    end,
    tsugi_fault:strike(filename:basename(File) ++ ":write"),
    ok = file:rename(Temporary, File),
    tsugi_fault:strike(filename:basename(File) ++ ":written"),
    sync_dir(filename:dirname(File)).

%% One line in one write, so that lines of several writers never mix.
append(File, Line) ->
    ok = filelib:ensure_dir(File),
    {ok, Fd} = file:open(File, [append, raw, binary]),
    try
        ok = file:write(Fd, unicode:characters_to_binary(Line)),
        file:sync(Fd)
    after
        file:close(Fd)
    end.

sync_dir(Dir) ->
    case file:open(Dir, [read, raw, directory]) of
        {ok, Fd} -> _ = file:sync(Fd), file:close(Fd), ok;
        _ -> ok
    end.

remove_tree(Path) ->
    case file:read_link_info(Path) of
        {ok, Info} when element(3, Info) =:= directory ->
            {ok, Names} = file:list_dir_all(Path),
            [remove_tree(filename:join(Path, Name)) || Name <- Names],
            file:del_dir(Path);
        {ok, _} -> file:delete(Path);
        {error, enoent} -> ok;
        Error -> Error
    end.

read_text(File) ->
    case file:read_file(File) of
        {ok, Bytes} -> string:trim(binary_to_list(Bytes));
        _ -> ""
    end.
