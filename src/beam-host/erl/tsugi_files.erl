%% Durable writes: temporary file, fsync, rename, fsync of the folder. And removing trees. A write's
%% labels, for tsugi_fault, have its file's name: `relup:write` before its bytes, `relup:rename` before the
%% rename, `relup:renamed` after it, as src/platform/files.ts.
-module(tsugi_files).
-export([write/2, write/3, append/2, now_or_later/1, sweep/1, remove_tree/1, sync_dir/1, read_text/1]).

-define(RETRY_MS, 1000).

write(File, Data) -> write(File, Data, 8#644).

%% The whole file, or the old one: nothing half-written stays where that fails.
write(File, Data, Mode) ->
    Label = filename:basename(File),
    Temporary = lists:concat([File, ".", os:getpid(), ".tmp"]),
    ok = filelib:ensure_dir(File),
    try
        write_synced(Label, Temporary, unicode:characters_to_binary(Data), Mode),
        tsugi_fault:strike(Label ++ ":rename"),
        ok = file:rename(Temporary, File)
    catch Class:Reason:Stack ->
        _ = file:delete(Temporary),
        erlang:raise(Class, Reason, Stack)
    end,
    tsugi_fault:strike(Label ++ ":renamed"),
    sync_dir(filename:dirname(File)).

write_synced(Label, Temporary, Bytes, Mode) ->
    tsugi_fault:strike(Label ++ ":write", Temporary, Bytes),
    {ok, Fd} = file:open(Temporary, [write, raw, binary]),
    try
        ok = file:change_mode(Temporary, Mode),
        ok = file:write(Fd, Bytes),
        ok = file:sync(Fd)
    after
        file:close(Fd)
    end.

%% Temporary files of writers that were killed.
sweep(Dirs) ->
    [file:delete(File)
     || Dir <- Dirs, File <- filelib:wildcard(filename:join(Dir, "*.tmp")),
        ["tmp", Pid | _] <- [lists:reverse(string:lexemes(File, "."))],
        {Writer, ""} <- [string:to_integer(Pid)], not tsugi_os:alive(Writer)],
    ok.

%% What can wait, and has to be: where the disk is full it is tried until there is room.
now_or_later(Fun) ->
    try _ = Fun(), ok
    catch Class:Reason ->
        logger:error("tsugi could not write: ~tp; it is tried again", [{Class, Reason}]),
        _ = spawn(fun() -> timer:sleep(?RETRY_MS), now_or_later(Fun) end),
        ok
    end.

%% One line in one write, so that lines of several writers never mix. After a line that was cut off (a
%% crash, a full disk) it begins a new one: otherwise both were lost.
append(File, Line) ->
    Bytes = unicode:characters_to_binary(Line),
    ok = filelib:ensure_dir(File),
    tsugi_fault:strike(filename:basename(File) ++ ":append", File, Bytes),
    {ok, Fd} = file:open(File, [append, read, raw, binary]),
    try
        ok = file:write(Fd, [["\n" || ends_within_line(Fd)], Bytes]),
        ok = file:sync(Fd)
    after
        file:close(Fd)
    end.

ends_within_line(Fd) ->
    case file:position(Fd, eof) of
        {ok, Size} when Size > 0 -> file:pread(Fd, Size - 1, 1) =/= {ok, <<"\n">>};
        _ -> false
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
