%% The applications of the folder that this root lies in, of either kind, as src/control/neighbours.ts has
%% them: each asked by its own bin/<app>, and none that another user may have put there.
-module(tsugi_ps).
-export([ps/3]).

-include_lib("kernel/include/file.hrl").

-define(CPU_MS, 250).

ps(_, _, _) ->
    Parent = filename:dirname(tsugi_layout:root()),
    {ok, Names} = file:list_dir(Parent),
    Bins = [Bin || Name <- lists:sort(Names), Bin <- bin_of(filename:join(Parent, Name))],
    Asked = together(fun ask/1, Bins),
    Before = [cpu_ms(Pids) || {_, Pids} <- Asked],
    timer:sleep(?CPU_MS),
    Rows = [case Pids of
                [] -> Row;
                _ -> Row#{cpuPercent => round((cpu_ms(Pids) - Was) * 100 / ?CPU_MS)}
            end || {{Row, Pids}, Was} <- lists:zip(Asked, Before)],
    {ok, #{apps => Rows}, describe(Rows)}.

together(Fun, Items) ->
    Self = self(),
    References = [begin
                      Reference = make_ref(),
                      _ = spawn_link(fun() -> Self ! {Reference, Fun(Item)} end),
                      Reference
                  end || Item <- Items],
    [receive {Reference, Answer} -> Answer end || Reference <- References].

describe(Rows) ->
    Heads = ["name", "version", "status", "pid", "uptime", "restarts", "cpu", "memory"],
    Cells = [[Name, or_dash(Vsn), case Healthy of false -> "unhealthy"; _ -> Status end, or_dash(Pid), uptime(Since),
              integer_to_list(Restarts), case Cpu of null -> "-"; _ -> [integer_to_list(Cpu), "%"] end,
              case Rss of 0 -> "-"; _ -> tsugi_text:bytes(Rss) end]
             || #{name := Name, version := Vsn, status := Status, pid := Pid, since := Since, healthy := Healthy,
                  restarts := Restarts, cpuPercent := Cpu, rssBytes := Rss} <- Rows],
    [tsugi_text:table([Heads | Cells]), [["\n", Root, ": ", Problem] || #{root := Root, problem := Problem} <- Rows]].

or_dash(null) -> "-";
or_dash(Number) when is_integer(Number) -> integer_to_list(Number);
or_dash(Text) -> Text.

uptime(null) -> "-";
uptime(Since) -> tsugi_text:age(Since).

%% [Bin] of an install root.
bin_of(Root) ->
    Name = case file:read_file(filename:join([Root, "releases", "RELEASES.json"])) of
        {ok, Json} -> try #{<<"name">> := Registered} = tsugi_json:decode(Json), unicode:characters_to_list(Registered)
                      catch _:_ -> only_bin(Root) end;
        _ -> only_bin(Root)
    end,
    [Bin || Name =/= none, Bin <- [filename:join([Root, "bin", Name])],
            filelib:is_dir(filename:join(Root, "releases")), filelib:is_regular(Bin)].

%% It was never started: mix puts files of its own beside, with a dot in their names.
only_bin(Root) ->
    case file:list_dir(filename:join(Root, "bin")) of
        {ok, Names} -> case [Name || Name <- Names, not lists:member($., Name)] of [Name] -> Name; _ -> none end;
        _ -> none
    end.

ask(Bin) ->
    Root = filename:dirname(filename:dirname(Bin)),
    None = #{name => text(filename:basename(Bin)), root => text(Root), version => null, status => <<"unknown">>,
             since => null, pid => null, healthy => null, restarts => 0, workers => 0, rssBytes => 0, cpuPercent => null},
    case is_ours(Bin) of
        false -> {None#{problem => <<"others may change it, so it is not asked">>}, []};
        true -> answered(None, Root, status(Bin))
    end.

answered(None, Root, #{<<"processes">> := Processes, <<"version">> := Vsn, <<"status">> := Status, <<"since">> := Since}) ->
    Slots = lists:append([Of || #{<<"slots">> := Of} <- Processes]),
    Sum = fun(Key) -> lists:sum([maps:get(Key, Slot) || Slot <- Slots]) end,
    Pid = case string:to_integer(tsugi_files:read_text(filename:join([Root, "run", "pid"]))) of
        {Number, _} when is_integer(Number) -> Number;
        _ -> null
    end,
    {None#{version => Vsn, status => Status, since => Since, pid => Pid, workers => length(Slots),
           healthy => lists:all(fun(Slot) -> maps:get(<<"healthy">>, Slot) end, Slots),
           restarts => Sum(<<"restarts">>), rssBytes => Sum(<<"rssBytes">>)},
     [SlotPid || #{<<"pid">> := SlotPid} <- Slots]};
answered(None, _, #{<<"status">> := Status, <<"version">> := Vsn}) -> {None#{version => Vsn, status => Status}, []};
answered(None, _, _) -> {None#{problem => <<"it does not answer">>}, []}.

%% Whatever its exit code: 3 says that it does not run. Not with what belongs to this application.
status(Bin) ->
    Script = "cd / && exec env -i PATH=\"$PATH\" HOME=\"$HOME\" LANG=\"${LANG:-}\" \"$0\" status --json 2>/dev/null",
    {_, Text} = tsugi_os:command(["-c", Script, Bin]),
    try tsugi_json:decode(unicode:characters_to_binary(Text)) catch _:_ -> none end.

%% bin/<app> has become the owner of its root: nothing that anybody else may change is run.
is_ours(Bin) ->
    {ok, #file_info{uid = Own}} = file:read_file_info(tsugi_layout:root()),
    lists:all(fun(Path) ->
                  {ok, #file_info{uid = Uid, mode = Mode}} = file:read_file_info(Path),
                  lists:member(Uid, [0, Own]) andalso Mode band 8#002 =:= 0
              end, [Bin, filename:dirname(Bin), filename:dirname(filename:dirname(Bin))]).

cpu_ms(Pids) -> lists:sum([tsugi_os:cpu_ms(Pid) || Pid <- Pids]).

text(Value) -> tsugi_json:text(Value).
