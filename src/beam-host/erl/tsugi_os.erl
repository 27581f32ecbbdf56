%% Programs and processes of the operating system.
-module(tsugi_os).
-export([run/2, run/3, run_within/2, command/1, program/2, alive/1, rss_bytes/1, cpu_ms/1, identity/1]).

%% Runs a shell script of ours to its end: {ExitCode, Output}.
run(Script, Args) -> run(Script, Args, []).

run(Script, Args, Env) -> sh([Script | Args], Env).

%% sh with these arguments, killed when the time is over: {time_out, Output}. For what ends in one `exec`.
run_within(Args, TimeoutMs) ->
    Port = open("/bin/sh", Args, own_env()),
    Timer = erlang:send_after(TimeoutMs, self(), {Port, time_out}),
    Ended = collect(Port, []),
    _ = erlang:cancel_timer(Timer),
    receive {Port, time_out} -> Ended after 0 -> Ended end.

%% sh with these arguments, in the environment as it is.
command(Args) -> sh(Args, []).

sh(Args, Env) -> program("/bin/sh", Args, own_env() ++ Env).

own_env() ->
    [{"TSUGI_ROOT", tsugi_layout:root()}, {"TSUGI_NAME", tsugi_layout:name()},
     {"TSUGI_LIB", filename:dirname(tsugi_layout:tsugi_priv())}].

%% Any other program, by its path.
program(Path, Args) -> program(Path, Args, []).

program(Path, Args, Env) -> collect(open(Path, Args, Env), []).

open(Path, Args, Env) ->
    open_port({spawn_executable, Path}, [{args, Args}, {env, Env}, exit_status, stderr_to_stdout, binary, use_stdio, hide]).

collect(Port, Acc) ->
    receive
        {Port, {data, Data}} -> collect(Port, [Acc, Data]);
        {Port, {exit_status, Code}} -> {Code, text(Acc)};
        {Port, time_out} ->
            case erlang:port_info(Port, os_pid) of
                {os_pid, Pid} -> os:cmd("kill -9 " ++ integer_to_list(Pid));
                undefined -> ok
            end,
            {time_out, text([Acc | last_words(Port)])}
    end.

%% What it has started may hold its output open for as long as it likes.
last_words(Port) ->
    receive
        {Port, {data, Data}} -> [Data | last_words(Port)];
        {Port, {exit_status, _}} -> []
    after 1_000 ->
        catch port_close(Port),
        []
    end.

text(Output) ->
    Bytes = iolist_to_binary(Output),
    case unicode:characters_to_list(Bytes) of
        Text when is_list(Text) -> Text;
        _ -> binary_to_list(Bytes)
    end.

%% A zombie does not live.
alive(Pid) ->
    case file:read_file("/proc/" ++ integer_to_list(Pid) ++ "/stat") of
        {ok, Stat} ->
            [_, Rest] = string:split(Stat, <<") ">>, trailing),
            not lists:member(binary:first(Rest), "ZX");
        {error, _} ->
            filelib:is_dir("/proc/self") =:= false
                andalso os:cmd("kill -0 " ++ integer_to_list(Pid) ++ " 2>&1") =:= ""
    end.

%% Start time and boot: a pid alone may be another process by now. As src/platform/processes.ts.
identity(Pid) ->
    StartTime = case file:read_file("/proc/" ++ integer_to_list(Pid) ++ "/stat") of
        {ok, Stat} ->
            [_, Rest] = string:split(Stat, <<") ">>, trailing),
            lists:nth(20, binary:split(Rest, <<" ">>, [global]));
        {error, _} -> <<>>
    end,
    #{pid => Pid, startTime => StartTime, bootId => boot_id()}.

boot_id() ->
    case file:read_file("/proc/sys/kernel/random/boot_id") of
        {ok, Id} -> string:trim(Id);
        {error, _} -> <<>>
    end.

rss_bytes(Pid) ->
    case file:read_file("/proc/" ++ integer_to_list(Pid) ++ "/statm") of
        {ok, Text} ->
            [_, Pages | _] = binary:split(Text, <<" ">>, [global]),
            binary_to_integer(Pages) * 4096;
        {error, _} -> 0
    end.

%% Processor time so far; Linux counts in hundredths of a second.
cpu_ms(Pid) ->
    case file:read_file("/proc/" ++ integer_to_list(Pid) ++ "/stat") of
        {ok, Stat} ->
            [_, Rest] = string:split(Stat, <<") ">>, trailing),
            Fields = binary:split(Rest, <<" ">>, [global]),
            10 * lists:sum([binary_to_integer(lists:nth(N, Fields)) || N <- [12, 13]]);
        {error, _} -> 0
    end.
