%% A release's configuration on this host: what was built in (build.config), then what its config
%% providers and runtime.exs say, evaluated by that release's own code, then etc/sys.config.
%% The outcome is releases/<vsn>/sys.config, mode 0600: the host's, never in a tarball.
%%
%%   evaluate/1    asks for it; runs evaluate.sh, which starts a VM with the release's code
%%   main/0        is what runs in that VM
-module(tsugi_config).
-export([evaluate/1, read/1, write/2, main/0, main/1, is_writable/1, format/3]).

-define(MARK, "tsugi-config-error:").

%% --- on the asking side -------------------------------------------------------------------------

%% @throws TSUGI_CONFIG_FAILED
evaluate(Vsn) ->
    case tsugi_os:run(tsugi_layout:tsugi_priv() ++ "/evaluate.sh", [Vsn, "tsugi_config", "main", Vsn]) of
        {0, _} -> read(Vsn);
        {_, Output} ->
            tsugi_files:sweep([tsugi_layout:release_dir(Vsn)]),
            tsugi_error:throw('TSUGI_CONFIG_FAILED', #{version => Vsn, problem => reason(Output)})
    end.

read(Vsn) ->
    case file:consult(tsugi_layout:release(Vsn, "sys.config")) of
        {ok, [Config]} -> Config;
        {error, Reason} ->
            tsugi_error:throw('TSUGI_CONFIG_FAILED',
                              #{version => Vsn, problem => file:format_error(Reason)})
    end.

write(Vsn, Config) ->
    tsugi_files:write(tsugi_layout:release(Vsn, "sys.config"),
                      io_lib:format("%% coding: utf-8~n~tp.~n", [Config]), 8#600).

reason(Output) ->
    case string:split(Output, ?MARK, trailing) of
        [_, Reason] -> string:trim(Reason);
        [All] -> string:slice(string:trim(All), 0, 2000)
    end.

%% --- in a VM with the release's code ------------------------------------------------------------

main() -> main([]).

main(_) ->
    [Vsn | _] = init:get_plain_arguments(),
    try
        Config = merge(load(Vsn), host_config()),
        check_writable(Config),
        ok = write(Vsn, Config),
        erlang:halt(0)
    catch
        throw:{config, Text} -> fail(Text);
        Class:Reason:Stack -> fail(format(Class, Reason, Stack))
    end.

fail(Text) ->
    io:format("~s~ts~n", [?MARK, Text]),
    erlang:halt(1).

load(Vsn) ->
    Built = consult(tsugi_layout:release(Vsn, "build.config")),
    Elixir = proplists:get_value(elixir, Built, []),
    case proplists:get_value(config_provider_init, Elixir) of
        #{providers := Providers} = Init ->
            {ok, _} = application:ensure_all_started(elixir),
            Rest = lists:keystore(elixir, 1, Built,
                                  {elixir, proplists:delete(config_provider_init, Elixir)}),
            Started = merge(Rest, maps:get(extra_config, Init, [])),
            Config = lists:foldl(fun({Provider, State}, Acc) -> Provider:load(Acc, State) end,
                                 Started, Providers),
            check_compile_env(Config, maps:get(validate_compile_env, Init, false)),
            Config;
        _ -> Built
    end.

%% A value that was compiled in and now differs: Elixir refuses to boot with it, so do we to upgrade.
check_compile_env(Config, [_ | _] = Compiled) ->
    Provider = 'Elixir.Config.Provider',
    [application:set_env(App, Key, Value) || {App, Env} <- Config, {Key, Value} <- Env],
    case erlang:function_exported(Provider, validate_compile_env, 1)
        andalso Provider:validate_compile_env(Compiled) of
        {error, Message} -> throw({config, Message});
        _ -> ok
    end;
check_compile_env(_, _) -> ok.

%% etc/sys.config: Erlang terms, for releases without runtime.exs and for the operator's last word.
host_config() ->
    File = tsugi_layout:at(["etc", "sys.config"]),
    case filelib:is_regular(File) of true -> consult(File); false -> [] end.

consult(File) ->
    case file:consult(File) of
        {ok, [Config]} -> Config;
        {ok, []} -> [];
        {error, Reason} -> throw({config, [File, ": ", file:format_error(Reason)]})
    end.

%% As Elixir's Config.Reader.merge/2: keyword lists deeply, anything else by replacement.
merge(Base, Over) ->
    lists:foldl(
        fun({Key, Value}, Acc) ->
            case lists:keyfind(Key, 1, Acc) of
                {Key, Old} -> lists:keyreplace(Key, 1, Acc, {Key, merge_value(Old, Value)});
                false -> Acc ++ [{Key, Value}]
            end
        end, Base, Over).

merge_value(Old, New) ->
    case is_keyword(Old) andalso is_keyword(New) of
        true -> merge(Old, New);
        false -> New
    end.

is_keyword([_ | _] = List) ->
    lists:all(fun({Key, _}) when is_atom(Key) -> true; (_) -> false end, List);
is_keyword(_) -> false.

%% What is not text (a process, a reference, an anonymous function) can't stand in sys.config, and
%% release_handler would silently take [] for the whole of it.
check_writable(Config) ->
    [throw({config, io_lib:format("~ts ~ts holds a value that can't be written to a file "
                                  "(a process, a reference or an anonymous function)", [App, Key])})
     || {App, Env} <- Config, {Key, Value} <- Env, not is_writable(Value)].

is_writable(Term) ->
    Text = unicode:characters_to_list(io_lib:format("~tp.", [Term])),
    case erl_scan:string(Text) of
        {ok, Tokens, _} ->
            case erl_parse:parse_term(Tokens) of
                {ok, Term} -> true;
                _ -> external_fun(Term)
            end;
        _ -> false
    end.

external_fun(Fun) when is_function(Fun) -> erlang:fun_info(Fun, type) =:= {type, external};
external_fun(_) -> false.

%% As Elixir says it, where it is there.
format(Class, Reason, Stack) ->
    case code:ensure_loaded('Elixir.Exception') of
        {module, Exception} ->
            try Exception:format(Class, Exception:normalize(Class, Reason, Stack), Stack)
            catch _:_ -> io_lib:format("~p: ~tp", [Class, Reason])
            end;
        _ -> io_lib:format("~p: ~tp~n~tp", [Class, Reason, lists:sublist(Stack, 5)])
    end.
