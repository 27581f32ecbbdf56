#!/usr/bin/env escript
%% A release as OTP's own tools make it, and the relup from the version before, for which that one's
%% build must still lie here:
%%   make.escript build <folder> <version> [<version before>]    → <folder>/feed-<version>.tar.gz
%%   make.escript install <folder> <version> <root>
-mode(compile).

main(["build", Folder, Version | Before]) ->
    Sources = filename:dirname(filename:absname(escript:script_name())),
    Ebin = filename:join([Folder, "lib", "feed-" ++ Version, "ebin"]),
    ok = filelib:ensure_path(Ebin),
    Options = [{outdir, Ebin}, {d, 'VSN', Version}, report],
    Modules = [feed, feed_app, feed_http, feed_control],
    [{ok, _} = compile:file(filename:join(Sources, atom_to_list(Module)), Options) || Module <- Modules],
    App = {application, feed, [{description, "bench"}, {vsn, Version}, {modules, Modules},
                               {registered, [feed]}, {applications, [kernel, stdlib, crypto, sasl]},
                               {mod, {feed_app, []}}]},
    Steps = [{Old, [{update, feed, {advanced, []}}]} || Old <- Before],
    write(filename:join(Ebin, "feed.app"), App),
    write(filename:join(Ebin, "feed.appup"), {Version, Steps, Steps}),
    Name = filename:join(Folder, "feed-" ++ Version),
    Libs = [{Lib, vsn(Lib)} || Lib <- [kernel, stdlib, crypto, sasl]],
    write(Name ++ ".rel", {release, {"feed", Version}, {erts, erlang:system_info(version)}, Libs ++ [{feed, Version}]}),
    ok = file:write_file(filename:join(Folder, "sys.config"), "[{sasl, [{sasl_error_logger, false}]}].\n"),
    Path = {path, filelib:wildcard(filename:join([Folder, "lib", "*", "ebin"]))},
    ok = systools:make_script(Name, [Path, {outdir, Folder}, no_warn_sasl]),
    Olds = [filename:join(Folder, "feed-" ++ Old) || Old <- Before],
    [ok = systools:make_relup(Name, Olds, Olds, [Path, {outdir, Folder}]) || Before =/= []],
    ok = systools:make_tar(Name, [Path, {outdir, Folder}, {erts, code:root_dir()}]);

main(["install", Folder, Version, Root]) ->
    Tarball = filename:join(Folder, "feed-" ++ Version ++ ".tar.gz"),
    ok = erl_tar:extract(Tarball, [compressed, {cwd, Root}]),
    Releases = filename:join(Root, "releases"),
    Rel = filename:join([Releases, Version, "feed-" ++ Version ++ ".rel"]),
    {ok, [{release, _, _, Libs}]} = file:consult(Rel),
    ok = release_handler:create_RELEASES(Root, Releases, Rel,
                                         [{Lib, Vsn, filename:join(Root, "lib")} || {Lib, Vsn} <- Libs]).


vsn(Lib) ->
    _ = application:load(Lib),
    {ok, Vsn} = application:get_key(Lib, vsn),
    Vsn.

write(File, Term) -> ok = file:write_file(File, io_lib:format("~p.~n", [Term])).
