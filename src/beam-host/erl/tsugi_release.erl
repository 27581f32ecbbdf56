%% One release on disk, as the plan looks at it: its applications and where their code is.
-module(tsugi_release).
-export([load/1, load/2, app/2, code_files/1, elixir_apps/0, otp_apps/0, is_platform/1,
         permanent_apps/1]).

-define(RUNTIME, 2).

%% #{vsn, dir, erts, rel, apps => #{App => #{vsn, ebin, type}}, consolidated => Dir | none}
load(Vsn) -> load(Vsn, tsugi_layout:root()).

%% Root: where it lies before it is unpacked.
load(Vsn, Root) ->
    Folder = filename:join([Root, "releases", Vsn]),
    {release, {Name, Vsn}, {erts, Erts}, Apps} = Rel = read_rel(Vsn, Folder),
    Consolidated = filename:join(Folder, "consolidated"),
    #{vsn => Vsn, name => Name, erts => Erts, rel => Rel, dir => Folder,
      apps => maps:from_list([{element(1, App), describe(App, Root, runtime(Folder))} || App <- Apps]),
      consolidated => case filelib:is_dir(Consolidated) of true -> Consolidated; false -> none end}.

read_rel(Vsn, Folder) ->
    case filelib:wildcard(filename:join(Folder, "*.rel")) of
        [File | _] ->
            case file:consult(File) of
                {ok, [Rel]} -> Rel;
                {error, Reason} ->
                    tsugi_error:throw('TSUGI_MANIFEST_INVALID',
                                      #{where => File, problem => file:format_error(Reason)})
            end;
        [] -> tsugi_error:throw('TSUGI_RELEASE_NOT_FOUND',
                                #{version => Vsn, looked => "no .rel file in its folder",
                                  dropBox => tsugi_layout:tarball(Vsn)})
    end.

%% "<tsugi's folder> <the emulator's>", as the sh programs read it.
runtime(Folder) -> lists:nth(?RUNTIME, string:lexemes(tsugi_files:read_text(filename:join(Folder, "tsugi")), " ")).

%% Erlang's and Elixir's own stand in the folder of that very build of them.
describe(App, Root, Runtime) ->
    {Name, Vsn} = {element(1, App), element(2, App)},
    Type = case App of {_, _, T} when is_atom(T) -> T; {_, _, T, _} -> T; _ -> permanent end,
    Lib = case is_platform(Name) of true -> [Root, Runtime, "lib"]; false -> [Root, "lib"] end,
    Dir = filename:join(Lib ++ [lists:concat([Name, "-", Vsn])]),
    #{vsn => Vsn, type => Type, dir => Dir, ebin => filename:join(Dir, "ebin")}.

app(#{apps := Apps}, Name) -> maps:get(Name, Apps, undefined).

permanent_apps(#{apps := Apps}) -> [Name || {Name, #{type := permanent}} <- maps:to_list(Apps)].

%% Module → file that a cold boot of this release would load: a consolidated protocol before the
%% one in its application.
code_files(#{apps := Apps, consolidated := Consolidated}) ->
    Plain = lists:foldl(fun(#{ebin := Ebin}, Acc) -> maps:merge(Acc, tsugi_beams:files(Ebin)) end,
                        #{}, maps:values(Apps)),
    case Consolidated of
        none -> Plain;
        Dir -> maps:merge(Plain, tsugi_beams:files(Dir))
    end.

is_platform(App) -> lists:member(App, otp_apps()) orelse lists:member(App, elixir_apps()).

elixir_apps() -> [elixir, eex, ex_unit, iex, logger, mix].

%% Their code is the platform's: a new version of one is a restart (OTP's own appups ask for
%% emulator restarts, and Elixir has none).
otp_apps() ->
    [asn1, common_test, compiler, crypto, debugger, dialyzer, diameter, edoc, eldap, erl_interface,
     et, eunit, ftp, inets, jinterface, kernel, megaco, mnesia, observer, odbc, os_mon, parsetools,
     public_key, reltool, runtime_tools, sasl, snmp, ssh, ssl, stdlib, syntax_tools, tftp, tools,
     wx, xmerl].
