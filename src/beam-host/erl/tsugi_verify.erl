%% After an install, before "upgraded" is said: does every changed module run its new code, and does
%% any process still stand in the old one?
-module(tsugi_verify).
-export([wrong_code/1, lingering/2, name/1]).

%% Loaded modules whose code is not what a cold boot of this release would load.
wrong_code(Release) ->
    Files = tsugi_release:code_files(Release),
    [M || {M, File} <- lists:sort(maps:to_list(Files)), code:is_loaded(M) =/= false,
          not is_preloaded(M), M:module_info(md5) =/= tsugi_beams:md5(File)].

is_preloaded(M) -> code:which(M) =:= preloaded.

%% Processes in old code of these modules, as text, after waiting up to TimeoutMs for them to leave it.
lingering(Modules, TimeoutMs) ->
    lingering(Modules, erlang:monotonic_time(millisecond) + TimeoutMs, 5).

lingering(Modules, Deadline, PauseMs) ->
    Old = tsugi_loading:occupied(Modules),
    case Old of
        [] -> [];
        _ ->
            case erlang:monotonic_time(millisecond) >= Deadline of
                true -> lists:append([describe(M) || M <- Old]);
                false -> timer:sleep(PauseMs), lingering(Old, Deadline, min(200, PauseMs * 2))
            end
    end.

describe(M) ->
    [unicode:characters_to_binary(io_lib:format("process ~ts runs old code of ~tp", [name(Pid), M]))
     || Pid <- processes(), Pid =/= self(), erlang:check_process_code(Pid, M) =:= true].

%% Its registered name, or what it was started as: `<0.123.0> ('Elixir.Shop.Poller':init/1)`.
name(Pid) ->
    case erlang:process_info(Pid, [registered_name, dictionary, initial_call, current_stacktrace]) of
        [{registered_name, Name}, _, _, _] when is_atom(Name) -> io_lib:format("~tp", [Name]);
        [_, {dictionary, Dictionary}, {initial_call, Call}, {current_stacktrace, Stack}] ->
            io_lib:format("~p (~ts)", [Pid, call(proplists:get_value('$initial_call', Dictionary, begun(Call, Stack)))]);
        undefined -> io_lib:format("~p", [Pid])
    end.

%% Spawned with a fun: the outermost function that it is in says more.
begun({erlang, apply, 2}, [_ | _] = Stack) -> {M, F, A, _} = lists:last(Stack), {M, F, A};
begun(Call, _) -> Call.

call({M, F, A}) when is_integer(A) -> io_lib:format("~tp:~tp/~b", [M, F, A]);
call(Other) -> io_lib:format("~0tp", [Other]).
