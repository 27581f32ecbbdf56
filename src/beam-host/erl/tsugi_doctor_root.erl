%% `doctor`: what is in the root. As tsugi_doctor_host.
-module(tsugi_doctor_root).
-export([permissions/1, leftovers/1, files/1]).

-include_lib("kernel/include/file.hrl").

-define(AGE_S, 3600).
%% Of one release; the rest is counted.
-define(SHOWN, 3).

%% --- permissions --------------------------------------------------------------------------------

permissions(_) ->
    Root = tsugi_layout:root(),
    {ok, #file_info{uid = Owner}} = file:read_file_info(Root),
    Exposed = [{[Path, ": ", Why, "."], Fix} || #{path := Path, why := Why, fix := Fix} <- tsugi_exposure:find()],
    All = Exposed ++ foreign(Owner) ++ problems_of_etc() ++ unknown_settings(),
    %% A file that others may write, and that is of somebody else, has one remedy.
    {["the root belongs to user ", integer_to_list(Owner)],
     lists:uniq(fun({_, Remedy}) -> text(Remedy) end, All)}.

%% Files of somebody else's, root's above all: the owner can't rotate, replace or remove them.
foreign(Owner) ->
    Folders = [tsugi_layout:at([Name]) || Name <- ["run", "log", "etc"]],
    [{io_lib:format("~ts belongs to user ~b, the root to ~b.", [Path, Uid, Owner]), io_lib:format("chown ~b ~ts", [Owner, Path])}
     || Folder <- Folders, Path <- [Folder | [filename:join(Folder, Name) || Name <- names(Folder)]],
        {ok, #file_info{uid = Uid}} <- [file:read_link_info(Path)], Uid =/= Owner].

permanent() -> case tsugi_handler:permanent_on_disk() of undefined -> ""; Vsn -> Vsn end.

%% In the words of a start that would refuse.
problems_of_etc() ->
    Reads = [fun() -> tsugi_settings:check(permanent()) end, fun tsugi_trust:read/0],
    lists:append([try Read(), [] catch throw:Error -> [tsugi_doctor:finding(Error)] end || Read <- Reads]).

unknown_settings() ->
    case tsugi_unknown:sentences() of
        [] -> [];
        Sentences -> [{[lists:join("; ", Sentences), "."], "Correct it there, or take it out"}]
    end.

%% --- leftovers ----------------------------------------------------------------------------------

leftovers(_) ->
    Findings = half_done() ++ cut_off_writes(),
    {case Findings of [] -> "none"; _ -> "" end, Findings}.

half_done() ->
    Staging = tsugi_layout:at(["releases", ".staging"]),
    Places = [{tsugi_layout:at([".tsugi-install"]), "is a first install that was cut off"},
              {tsugi_layout:at(["etc", "env.next"]), "is an environment that a deploy has brought and not put in place"},
              {tsugi_layout:at(["etc", "env.before"]), "is the environment before a deploy that was cut off"}
              | [{filename:join(Staging, Name), "is an unpack that was cut off"} || Name <- names(Staging)]
                ++ [{tsugi_layout:at([Folder]), "belongs to no release that is here"} || Folder <- tsugi_remove:unreferenced()]],
    Oldest = erlang:system_time(second) - case somebody_works() of true -> ?AGE_S; false -> 0 end,
    [{[Path, " ", What, "."], ["rm -r ", Path]}
     || {Path, What} <- Places, {ok, #file_info{ctime = At}} <- [file:read_link_info(Path, [{time, posix}])], At =< Oldest].

%% While somebody may be at work, only what is older is nobody's. A deploy comes from elsewhere.
somebody_works() ->
    tsugi_remote:vm_pid() =/= none
        orelse lists:any(fun(Name) -> filelib:is_file(tsugi_layout:at(["run", Name])) end, ["lock.start", "deploy.lock"]).

%% `<name>.<pid>.tmp`, whose writer is gone.
cut_off_writes() ->
    Folders = [tsugi_layout:releases_dir(), tsugi_layout:at(["etc"]) | [tsugi_layout:release_dir(V) || V <- tsugi_layout:versions()]],
    [{[filename:join(Folder, Name), " is a write that was cut off."], ["rm ", filename:join(Folder, Name)]}
     || Folder <- Folders, Name <- names(Folder),
        {match, [Pid]} <- [re:run(Name, "\\.([0-9]+)\\.tmp$", [{capture, [1], list}])],
        not tsugi_os:alive(list_to_integer(Pid))].

names(Folder) -> case file:list_dir_all(Folder) of {ok, Names} -> lists:sort(Names); _ -> [] end.

%% --- files --------------------------------------------------------------------------------------

files(Deadline) ->
    Versions = lists:sort(tsugi_layout:versions()),
    Permanent = tsugi_handler:permanent_on_disk(),
    Gone = [{["releases/start_erl.data names ", Permanent, ", which is not here."], remedy(Permanent)}
            || Permanent =/= undefined, not lists:member(Permanent, Versions)],
    {Findings, Seen} = lists:mapfoldl(fun(Vsn, Seen) -> problems_of(Vsn, Seen, Deadline) end, #{}, Versions),
    {[tsugi_text:count(maps:size(Seen), "file"), " of ", tsugi_text:count(length(Versions), "release")],
     Gone ++ lists:append(Findings)}.

%% What releases share is read once.
problems_of(Vsn, Seen, Deadline) ->
    try tsugi_unpack:manifest(Vsn) of
        #{<<"files">> := Files} = Manifest ->
            New = [File || #{<<"path">> := Path} = File <- Files, not is_map_key(Path, Seen)],
            {Different, IsLate} = differences(New, Deadline, []),
            Shown = [{[tsugi_layout:at([Path]), ": ", atom_to_list(What), "."], remedy(Vsn)} || {What, Path} <- lists:sublist(Different, ?SHOWN)],
            More = [{[tsugi_text:count(length(Different) - ?SHOWN, "more file"), " of it."], remedy(Vsn)} || length(Different) > ?SHOWN],
            Late = [{["Time was over in ", Vsn, "."], "Look at the disk, which is slow (iostat, dmesg), then again"} || IsLate],
            Strange = case tsugi_trust:stranger(Manifest) of
                none -> [];
                Stranger -> [{[tsugi_layout:at([Stranger]), " is not among what was signed."], ["rm -r ", tsugi_layout:at([Stranger])]}]
            end,
            {Strange ++ Shown ++ More ++ Late, maps:merge(Seen, maps:from_keys([Path || #{<<"path">> := Path} <- New], true))}
    catch throw:Error -> {[tsugi_doctor:finding(Error)], Seen}
    end.

differences([], _, Found) -> {lists:reverse(Found), false};
differences([File | Rest], Deadline, Found) ->
    case erlang:monotonic_time(millisecond) > Deadline of
        true -> {lists:reverse(Found), true};
        false ->
            case tsugi_manifest:verify_tree(#{<<"files">> => [File]}, tsugi_layout:root()) of
                ok -> differences(Rest, Deadline, Found);
                Difference -> differences(Rest, Deadline, [Difference | Found])
            end
    end.

remedy(Vsn) ->
    ["Extract ", Vsn, " again: tar xzf ", tsugi_layout:name(), ".tar.gz -C ", tsugi_layout:root()].

text(Value) -> tsugi_json:text(Value).
