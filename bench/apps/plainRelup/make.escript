#!/usr/bin/env escript
%% The relup that systools makes between two releases of the same application, with the appup that one would
%% write by hand: load_module for each module that changed.
%%   make.escript <application> <tree of the older> <tree of the newer> <version> <version> <relup>
-mode(compile).

main([Name, OldTree, NewTree, OldVsn, NewVsn, Relup]) ->
    [{Old, OldAppVsn}, {New, NewAppVsn}] = [application(Name, Tree) || Tree <- [OldTree, NewTree]],
    Changed = [list_to_atom(filename:basename(File, ".beam")) || File <- filelib:wildcard(filename:join(New, "*.beam")),
               beam_lib:md5(File) =/= beam_lib:md5(filename:join(Old, filename:basename(File)))],
    Loads = [{load_module, M} || M <- Changed],
    Appup = filename:join(New, Name ++ ".appup"),
    write(Appup, {NewAppVsn, [{OldAppVsn, Loads}], [{OldAppVsn, Loads}]}),
    [OldRel, NewRel] = [filename:join([Tree, "releases", Vsn, Name]) || {Tree, Vsn} <- [{OldTree, OldVsn}, {NewTree, NewVsn}]],
    Path = lists:append([filelib:wildcard(filename:join(Tree, Libraries ++ "/*/ebin"))
                         || Tree <- [NewTree, OldTree], Libraries <- ["lib", "erts-*/lib"]]),
    {ok, Term, _, _} = systools:make_relup(NewRel, [OldRel], [OldRel], [{path, Path}, noexec, silent]),
    ok = file:delete(Appup),
    write(Relup, Term).

application(Name, Tree) ->
    [Ebin] = filelib:wildcard(filename:join([Tree, "lib", Name ++ "-*", "ebin"])),
    Vsn = string:prefix(filename:basename(filename:dirname(Ebin)), Name ++ "-"),
    {Ebin, Vsn}.

write(File, Term) -> ok = file:write_file(File, io_lib:format("%% coding: utf-8~n~tp.~n", [Term])).
