%% Erlang and Elixir in a folder of their own, whose name says which build of them it is. Two builds of
%% one version (another patch of the distribution, one package more on the build machine) stand side by side on a
%% host, and a restart leads from one to the other.
%%
%%   erts-13.1.5-ab12cd34/bin             the emulator
%%                       /lib/kernel-8.5  Erlang's and Elixir's applications
-module(tsugi_runtime).
-export([seat/3, library/3]).
-include_lib("kernel/include/file.hrl").

%% Moves them there. The folder's name.
seat(#{tree := Tree, platform := Platform}, {erts, Vsn}, Apps) ->
    Old = filename:join(Tree, "erts-" ++ Vsn),
    [begin
         Folder = folder(App),
         To = filename:join([Old, "lib", Folder]),
         ok = filelib:ensure_dir(To),
         ok = file:rename(filename:join([Tree, "lib", Folder]), To)
     end || App <- Apps, lists:member(element(1, App), Platform)],
    Name = lists:concat(["erts-", Vsn, "-", identity(Old)]),
    ok = file:rename(Old, filename:join(Tree, Name)),
    Name.

%% Where an application of the .rel lies, below the tree.
library(#{platform := Platform}, Runtime, App) ->
    case lists:member(element(1, App), Platform) of
        true -> [Runtime, "lib", folder(App)];
        false -> ["lib", folder(App)]
    end.

folder(App) -> lists:concat([element(1, App), "-", element(2, App)]).

identity(Dir) ->
    Facts = [[string:prefix(File, Dir), 0, facts(File), 0] || File <- lists:sort(files(Dir))],
    <<Short:4/binary, _/binary>> = crypto:hash(sha256, unicode:characters_to_binary(Facts)),
    string:lowercase(binary_to_list(binary:encode_hex(Short))).

files(Dir) ->
    {ok, Names} = file:list_dir_all(Dir),
    lists:append([case file:read_link_info(File) of
                      {ok, #file_info{type = directory}} -> files(File);
                      {ok, _} -> [File]
                  end || Name <- Names, File <- [filename:join(Dir, Name)]]).

%% What it is and, of a program, that it is one; an archive has no other modes either.
facts(File) ->
    case file:read_link_info(File) of
        {ok, #file_info{type = symlink}} -> {ok, Target} = file:read_link(File), ["link ", Target];
        {ok, #file_info{mode = Mode}} ->
            {ok, Bytes} = file:read_file(File),
            [integer_to_list(Mode band 8#100), " ", binary:encode_hex(crypto:hash(sha256, Bytes))]
    end.
