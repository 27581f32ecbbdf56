%% Who else may change what runs here, as src/handler/exposure.ts: whoever may write to a folder of the root
%% has the rights of its owner, signatures or not. bin/<app> looks at what it runs itself (stepDown.sh).
-module(tsugi_exposure).
-export([refuse/0, find/0]).

-include_lib("kernel/include/file.hrl").

%% How deep is looked: what lies further down was in the tarball, with its mode.
-define(PLACES, [{"bin", 1}, {"lib", 1}, {"erts-*", 2}, {"releases", 2}, {"etc", 1}]).

%% @throws TSUGI_ROOT_EXPOSED
refuse() ->
    %% Who reads these has an error of its own for that, which says what may be in them.
    SaidElsewhere = [tsugi_layout:at(["etc", Name]) || Name <- ["env", "trusted_keys"]],
    case [Found || #{path := Path} = Found <- find(), not lists:member(Path, SaidElsewhere)] of
        [] -> ok;
        [#{path := Path, fix := Fix} | _] -> tsugi_error:throw('TSUGI_ROOT_EXPOSED', #{path => Path, fix => Fix})
    end.

%% [#{path, why, fix}]
find() ->
    Root = tsugi_layout:root(),
    {ok, #file_info{uid = Owner}} = file:read_file_info(Root),
    Groups = groups(),
    Below = [{File, Levels} || {Place, Levels} <- ?PLACES, File <- filelib:wildcard(filename:join(Root, Place))],
    lists:append([look(File, Levels, Owner, Groups) || {File, Levels} <- [{Root, 0} | Below]]).

%% The folder that a link lies in decides who may change it; where it leads has been verified.
look(Path, Levels, Owner, Groups) ->
    case file:read_link_info(Path) of
        {ok, #file_info{type = Type} = Info} when Type =/= symlink ->
            Own = case problem(Info, Owner, Groups) of
                none -> [];
                Why -> [#{path => Path, why => Why, fix => fix(Path, Info, Owner)}]
            end,
            Own ++ [Found || Type =:= directory, Levels > 0, Name <- names(Path),
                             Found <- look(filename:join(Path, Name), Levels - 1, Owner, Groups)];
        _ -> []
    end.

names(Folder) ->
    case file:list_dir_all(Folder) of {ok, Names} -> lists:sort(Names); _ -> [] end.

fix(Path, #file_info{uid = Uid}, Owner) when Uid =:= 0; Uid =:= Owner -> ["chmod go-w ", Path];
fix(Path, _, Owner) -> ["chown ", integer_to_list(Owner), " ", Path].

problem(#file_info{uid = Uid}, Owner, _) when Uid =/= 0, Uid =/= Owner ->
    io_lib:format("it belongs to user ~b, not to ~b", [Uid, Owner]);
problem(#file_info{mode = Mode}, _, _) when Mode band 8#002 =/= 0 -> "everybody may write to it";
problem(#file_info{mode = Mode, gid = Gid, uid = Uid}, _, Groups) when Mode band 8#020 =/= 0 ->
    case is_private(Gid, Uid, Groups) of
        true -> none;
        false -> io_lib:format("group ~b may write to it, and has others in it", [Gid])
    end;
problem(_, _, _) -> none.

%% Nobody is in it but its user, or it is root's.
is_private(0, _, _) -> true;
is_private(Gid, Uid, {Users, Members}) ->
    Others = [User || {_, User, Main} <- Users, Main =:= Gid, User =/= Uid, User =/= 0],
    Name = lists:keyfind(Uid, 2, Users),
    case {Others, Members} of
        {[_ | _], _} -> false;
        {[], #{Gid := Named}} -> lists:all(fun(Member) -> Name =/= false andalso Member =:= element(1, Name) end, Named);
        {[], _} -> Gid =:= Uid % known to no file: by custom, that user's own
    end.

groups() ->
    {[{Name, number(Uid), number(Gid)} || [Name, _, Uid, Gid | _] <- rows("/etc/passwd")],
     maps:from_list([{number(Gid), string:lexemes(List, ",")} || [_, _, Gid, List] <- rows("/etc/group")])}.

rows(File) ->
    case file:read_file(File) of
        {ok, Text} -> [string:split(Line, ":", all) || Line <- string:split(binary_to_list(Text), "\n", all)];
        _ -> []
    end.

number(Text) -> case string:to_integer(Text) of {Number, ""} -> Number; _ -> none end.
