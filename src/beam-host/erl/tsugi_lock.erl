%% Turns: starts, and whoever writes below the root while nothing runs. The same file and the same
%% rules as src/platform/lock.ts: it appears whole (linked into place), says whose it is, and one
%% whose owner is gone (pid, start time, boot) is seen through, under a second lock.
-module(tsugi_lock).
-export([in_turn/1]).

-define(POLL_MS, 50).
-define(WAIT_MS, 120000).

%% @throws TSUGI_BUSY
in_turn(Fun) ->
    Path = tsugi_layout:at(["run", "lock.start"]),
    take_turn(Path, erlang:monotonic_time(millisecond) + ?WAIT_MS, false),
    try Fun() after file:delete(Path) end.

take_turn(Path, Deadline, Said) ->
    case take(Path) of
        ok -> ok;
        {held, Pid} ->
            erlang:monotonic_time(millisecond) < Deadline orelse
                tsugi_error:throw('TSUGI_BUSY', #{pid => Pid}),
            Said orelse tsugi_cli:note("Waiting for pid ~p, which starts the system or writes here.", [Pid]),
            timer:sleep(?POLL_MS),
            take_turn(Path, Deadline, true)
    end.

take(Path) ->
    Own = lists:concat([Path, ".", os:getpid(), ".", erlang:unique_integer([positive])]),
    try
        ok = file:write_file(Own, tsugi_json:encode(tsugi_os:identity(list_to_integer(os:getpid())))),
        _ = file:change_mode(Own, 8#600),
        link(Own, Path)
    after
        file:delete(Own)
    end.

link(Own, Path) ->
    case file:make_link(Own, Path) of
        ok -> ok;
        {error, eexist} ->
            case owner(Path) of
                {alive, Pid} -> {held, Pid};
                absent -> link(Own, Path);
                gone -> remove_stale(Path), link(Own, Path)
            end
    end.

%% Two may find the same stale lock: the slower must not remove the one that the faster has taken.
remove_stale(Path) ->
    Breaker = Path ++ ".break",
    case take(Breaker) of
        ok ->
            try owner(Path) =:= gone andalso file:delete(Path) after file:delete(Breaker) end;
        {held, _} -> timer:sleep(5)
    end.

owner(Path) ->
    case file:read_file(Path) of
        {ok, Bytes} ->
            Known = try tsugi_json:decode(Bytes) catch _:_ -> #{} end,
            case Known of
                #{<<"pid">> := Pid} when is_integer(Pid) ->
                    Now = tsugi_json:decode(tsugi_json:encode(tsugi_os:identity(Pid))),
                    case tsugi_os:alive(Pid) andalso Now =:= Known of
                        true -> {alive, Pid};
                        false -> gone
                    end;
                _ -> gone
            end;
        %% Not to be "removed": by then it may be there, and whoever has linked it holds the lock.
        {error, enoent} -> absent
    end.
