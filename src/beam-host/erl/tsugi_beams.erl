%% What a beam file says about its module, without loading it.
-module(tsugi_beams).
-export([files/1, md5/1, vsn/1, facts/1, changes/3]).

files(Dir) ->
    maps:from_list([{list_to_atom(filename:basename(File, ".beam")), File}
                    || File <- filelib:wildcard(filename:join(Dir, "*.beam"))]).

md5(File) ->
    case beam_lib:md5(File) of
        {ok, {_, Md5}} -> Md5;
        {error, beam_lib, Reason} ->
            tsugi_error:throw('TSUGI_RELEASE_DAMAGED',
                              #{version => "", problem => beam_lib:format_error(Reason)})
    end.

%% The module's -vsn, as release_handler gives it to code_change: a text as it is, else the one term.
vsn(File) ->
    case beam_lib:version(File) of
        {ok, {_, Vsn}} ->
            case {io_lib:printable_unicode_list(Vsn), Vsn} of
                {true, _} -> Vsn;
                {false, [One]} -> One;
                {false, Other} -> Other
            end;
        _ -> undefined
    end.

%% #{kind, imports}; kind = supervisor | {special, code_change} | special | plain
facts(File) ->
    {ok, {Module, Chunks}} = beam_lib:chunks(File, [attributes, exports, imports]),
    Attributes = proplists:get_value(attributes, Chunks),
    Exports = proplists:get_value(exports, Chunks),
    Imports = lists:usort([M || {M, _, _} <- proplists:get_value(imports, Chunks)]),
    #{module => Module, kind => kind(behaviours(Attributes), Exports),
      vsn => proplists:get_value(vsn, Attributes, []), imports => Imports -- [Module]}.

behaviours(Attributes) ->
    lists:append([Value || {Key, Value} <- Attributes, Key =:= behaviour orelse Key =:= behavior]).

%% A process that answers system messages keeps its state through code_change; one without it is
%% suspended all the same, so that no callback of the old module meets another of the new.
kind(Behaviours, Exports) ->
    IsSupervisor = lists:member(supervisor, Behaviours)
        orelse lists:member('Elixir.Supervisor', Behaviours),
    Changes = lists:member({code_change, 3}, Exports) orelse lists:member({code_change, 4}, Exports)
        orelse lists:member({system_code_change, 4}, Exports),
    if
        IsSupervisor -> supervisor;
        Changes -> {special, code_change};
        true ->
            case [B || B <- Behaviours, lists:member(B, process_behaviours())] of
                [] -> plain;
                _ -> special
            end
    end.

process_behaviours() ->
    [gen_server, gen_statem, gen_event, gen_fsm, 'Elixir.GenServer', 'Elixir.GenStage',
     'Elixir.DynamicSupervisor'].

%% {Added, Deleted, Changed}: modules of two folders, but for those in Skip.
changes(OldEbin, NewEbin, Skip) ->
    Old = maps:without(Skip, files(OldEbin)),
    New = maps:without(Skip, files(NewEbin)),
    Both = [M || M <- lists:sort(maps:keys(New)), maps:is_key(M, Old)],
    {lists:sort(maps:keys(New) -- maps:keys(Old)),
     lists:sort(maps:keys(Old) -- maps:keys(New)),
     [M || M <- Both, differs(maps:get(M, Old), maps:get(M, New))]}.

differs(Old, New) ->
    case {file:read_file(Old), file:read_file(New)} of
        {{ok, Bytes}, {ok, Bytes}} -> false;
        _ -> md5(Old) =/= md5(New)
    end.
