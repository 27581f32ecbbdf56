%% Runs on the build machine, never on a host: shapes what `mix release` (or relx, or systools) has
%% made into a tsugi release. One call, `main/0`, with its instructions in a file of Erlang terms:
%%
%%   {tree, Dir}. {name, Name}. {version, Vsn}. {own, [App]}. {platform, [App]}. {tsugi, Dir}.
%%
%% Everything is rewritten in place; what it has to tell goes to stdout, one fact a line.
-module(tsugi_build).
-export([main/0]).

main() ->
    try
        [SpecFile] = init:get_plain_arguments(),
        {ok, Terms} = file:consult(SpecFile),
        shape(maps:from_list(Terms)),
        halt(0)
    catch
        throw:{say, Text} -> io:format(standard_error, "~ts~n", [Text]), halt(1);
        Class:Reason:Stack ->
            io:format(standard_error, "~tp~n", [{Class, Reason, Stack}]),
            halt(1)
    end.

shape(#{tree := Tree, version := Vsn} = Spec) ->
    Dir = release_dir(Spec),
    {release, Id, Erts, Apps0} = read_rel(Dir),
    Apps1 = give_own_versions(Spec, Apps0),
    Apps = add_needed(Spec, Apps1),
    Rel = {release, setelement(2, Id, Vsn), Erts, Apps},
    Runtime = tsugi_runtime:seat(Spec, Erts, Apps),
    Extra = boot_extras(Dir),
    make_boot(Spec, Runtime, "start", Rel, Extra),
    make_boot(Spec, Runtime, "start_clean", clean(Rel), no_extras()),
    write_term(rel_file(Dir, Id), Rel),
    freeze_config(Dir),
    say("runtime", Runtime),
    say_runtime(Erts).

release_dir(#{tree := Tree, version := Vsn}) -> filename:join([Tree, "releases", Vsn]).

%% --- the .rel file ------------------------------------------------------------------------------

read_rel(Dir) ->
    case filelib:wildcard(filename:join(Dir, "*.rel")) of
        [] -> throw({say, "no .rel file in " ++ Dir});
        Files ->
            %% relx leaves start_clean.rel and no_dot_erlang.rel beside the real one.
            Rels = [begin {ok, [Rel]} = file:consult(File), {File, Rel} end || File <- Files],
            {_, Biggest} = lists:last(lists:sort(
                [{length(element(4, Rel)), Rel} || {_, Rel} <- Rels])),
            Biggest
    end.

rel_file(Dir, {Name, _}) ->
    [file:delete(File) || File <- filelib:wildcard(filename:join(Dir, "*.rel"))],
    filename:join(Dir, Name ++ ".rel").

%% --- a version per release for the project's own applications ------------------------------------

%% Two builds of one application version may differ; then nothing could tell them apart on a host.
%% So an own application takes the release's version, with its own in front when they differ.
give_own_versions(#{tree := Tree, version := RelVsn, own := Own}, Apps) ->
    lists:map(
        fun(App) ->
            Name = element(1, App),
            Vsn = element(2, App),
            case lists:member(Name, Own) of
                true ->
                    New = own_version(Vsn, RelVsn),
                    rename_app(Tree, Name, Vsn, New),
                    say("own", [atom_to_list(Name), " ", New]),
                    setelement(2, App, New);
                false -> App
            end
        end, Apps).

own_version(RelVsn, RelVsn) -> RelVsn;
own_version(Vsn, RelVsn) ->
    case string:prefix(RelVsn, Vsn ++ "+") of
        nomatch -> Vsn ++ "+" ++ [case C of $+ -> $.; _ -> C end || C <- RelVsn];
        _ -> RelVsn
    end.

rename_app(_, _, Vsn, Vsn) -> ok;
rename_app(Tree, Name, Old, New) ->
    At = fun(Vsn) -> filename:join([Tree, "lib", lists:concat([Name, "-", Vsn])]) end,
    ok = file:rename(At(Old), At(New)),
    File = filename:join([At(New), "ebin", lists:concat([Name, ".app"])]),
    {ok, [{application, Name, Keys}]} = file:consult(File),
    write_term(File, {application, Name, lists:keystore(vsn, 1, Keys, {vsn, New})}).

%% --- applications that a host needs --------------------------------------------------------------

%% sasl swaps, crypto verifies, tsugi drives.
add_needed(#{tree := Tree, tsugi := Tsugi}, Apps) ->
    Copied = lists:foldl(
        fun(Name, Acc) ->
            case lists:keyfind(Name, 1, Acc) of
                false -> Acc ++ [{Name, copy_otp_app(Tree, Name), permanent}];
                Found -> lists:keyreplace(Name, 1, Acc, {Name, element(2, Found), permanent})
            end
        end, Apps, [sasl, crypto]),
    "tsugi-" ++ Vsn = filename:basename(Tsugi),
    lists:keydelete(tsugi, 1, Copied) ++ [{tsugi, Vsn, permanent}].

copy_otp_app(Tree, Name) ->
    From = case code:lib_dir(Name) of
        {error, _} -> throw({say, lists:concat(["this Erlang has no ", Name])});
        Dir -> Dir
    end,
    _ = application:load(Name),
    {ok, Vsn} = application:get_key(Name, vsn),
    To = filename:join([Tree, "lib", lists:concat([Name, "-", Vsn])]),
    [copy_tree(filename:join(From, Part), filename:join(To, Part)) || Part <- ["ebin", "priv"]],
    _ = beam_lib:strip_files(filelib:wildcard(filename:join(To, "ebin/*.beam"))),
    Vsn.

copy_tree(From, To) ->
    case file:list_dir(From) of
        {ok, Names} ->
            ok = filelib:ensure_dir(filename:join(To, "x")),
            [copy_tree(filename:join(From, Name), filename:join(To, Name)) || Name <- Names];
        {error, enotdir} ->
            {ok, _} = file:copy(From, To),
            {ok, Info} = file:read_file_info(From),
            ok = file:write_file_info(To, Info);
        {error, enoent} -> ok
    end.

%% --- the boot script -----------------------------------------------------------------------------

%% What mix (or relx) has put into start.script that systools would not: config providers after
%% stdlib, and paths before all others (consolidated protocols).
boot_extras(Dir) ->
    case file:consult(filename:join(Dir, "start.script")) of
        {ok, [{script, _, Instructions}]} ->
            Applies = [I || {apply, {M, _, _}} = I <- Instructions, M =/= application, M =/= c],
            %% The host's cookie comes from a file: see tsugi_cookie.
            Cookie = {apply, {tsugi_cookie, set, []}},
            Paths = [P || {path, Ps} <- Instructions, P <- Ps, is_extra_path(P)],
            {[Cookie | Applies], lists:usort(Paths)};
        _ -> {[{apply, {tsugi_cookie, set, []}}], []}
    end.

no_extras() -> {[], []}.

is_extra_path(Path) -> filename:basename(Path) =/= "ebin".

clean({release, Id, Erts, Apps}) ->
    Mode = fun(kernel) -> permanent; (stdlib) -> permanent; (_) -> none end,
    {release, Id, Erts, [{element(1, A), element(2, A), Mode(element(1, A))} || A <- Apps]}.

make_boot(#{tree := Tree} = Spec, Runtime, Name, Rel, {Applies, Paths}) ->
    Base = filename:join(release_dir(Spec), Name),
    write_term(Base ++ ".rel", Rel),
    Options = [silent, no_dot_erlang, no_warn_sasl, {path, ebins(Spec, Runtime, Rel)},
               {variables, [{"RELEASE_LIB", filename:join(Tree, "lib")},
                            {"RUNTIME", filename:join(Tree, Runtime)}]}],
    case systools:make_script(Base, Options) of
        {ok, _, _} -> ok;
        {error, Module, Error} -> throw({say, Module:format_error(Error)})
    end,
    {ok, [{script, Id, Instructions}]} = file:consult(Base ++ ".script"),
    %% Written anew: systools puts the time of day into a comment.
    write_term(Base ++ ".script",
               {script, Id, with_paths(Paths, Runtime, after_stdlib(Applies, with_standby(Name, Spec, Instructions)))}),
    ok = systools:script2boot(Base),
    file:delete(Base ++ ".rel").

ebins(#{tree := Tree} = Spec, Runtime, {release, _, _, Apps}) ->
    [filename:join([Tree | tsugi_runtime:library(Spec, Runtime, App)] ++ ["ebin"]) || App <- Apps].

after_stdlib([], Instructions) -> Instructions;
after_stdlib(Applies, Instructions) ->
    {Before, [Stdlib | After]} = lists:splitwith(
        fun(I) -> I =/= {apply, {application, start_boot, [stdlib, permanent]}} end,
        Instructions),
    Before ++ [Stdlib | Applies] ++ After.

%% Where a VM may stand by until another one has ended (tsugi_standby). In interactive mode nothing but these
%% two modules would be loaded by then.
with_standby("start", #{tsugi := Tsugi}, Instructions) ->
    Ebin = filename:join(["$RELEASE_LIB", filename:basename(Tsugi), "ebin"]),
    {path, First} = lists:keyfind(path, 1, Instructions),
    lists:append([case I of
        {kernel_load_completed} -> [{path, First ++ [Ebin]}, {primLoad, [os, tsugi_standby]}, I];
        {apply, {application, start_boot, [kernel, _]}} -> [{apply, {tsugi_standby, wait, []}}, I];
        _ -> [I]
    end || I <- Instructions]);
with_standby(_, _, Instructions) -> Instructions.

%% Every boot knows $ROOT; who starts one by mix's own script says RELEASE_LIB and nothing more.
with_paths(Paths, Runtime, Instructions) ->
    [case I of {path, Old} -> {path, Paths ++ [from_root(Path, Runtime) || Path <- Old]}; _ -> I end
     || I <- Instructions].

from_root("$RUNTIME" ++ Path, Runtime) -> "$ROOT/" ++ Runtime ++ Path;
from_root(Path, _) -> Path.

%% --- configuration -------------------------------------------------------------------------------

%% sys.config is the host's: it is evaluated there. What was built in becomes build.config.
freeze_config(Dir) ->
    Sys = filename:join(Dir, "sys.config"),
    Config = case file:consult(Sys) of
        {ok, [Terms]} -> Terms;
        {ok, []} -> [];
        {error, enoent} -> [];
        {error, Reason} -> throw({say, ["sys.config: ", file:format_error(Reason)]})
    end,
    [say("secret", Where) || Where <- tsugi_secrets:find(Config)],
    write_term(filename:join(Dir, "build.config"), Config),
    file:delete(Sys).

%% --- telling -------------------------------------------------------------------------------------

say_runtime({erts, Erts}) ->
    say("erts", Erts),
    Root = code:root_dir(),
    Release = erlang:system_info(otp_release),
    Version = case file:read_file(filename:join([Root, "releases", Release, "OTP_VERSION"])) of
        {ok, Text} -> string:trim(binary_to_list(Text));
        _ -> Release
    end,
    say("otp", Version).

say(Key, Value) -> io:format("tsugi:~s=~ts~n", [Key, Value]).

write_term(File, Term) ->
    ok = file:write_file(
        File, unicode:characters_to_binary(io_lib:format("%% coding: utf-8~n~tp.~n", [Term]))).
