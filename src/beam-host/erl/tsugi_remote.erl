%% The control program's way to the node that run/node names. It gets a node of its own only now, and
%% starts no epmd: without one the node is not running.
-module(tsugi_remote).
-export([running/0, running_version/0, require/0, call/3, call/4, node_or_none/0, here_or_there/3, vm_pid/0, keeper_pid/0, standby_pid/0]).

%% The VM's pid, seen through when it is another process by now.
vm_pid() -> pid_in("pid").

%% The sh that starts the VM, and starts it again.
keeper_pid() -> pid_in("keeper").

%% The VM that stands by (tsugi_standby).
standby_pid() -> pid_in("standby.pid").

pid_in(File) ->
    case string:to_integer(tsugi_files:read_text(tsugi_layout:at(["run", File]))) of
        %% 0 and less are groups of processes, not one of ours.
        {Pid, _} when is_integer(Pid), Pid > 0 ->
            case tsugi_os:alive(Pid) andalso is_ours(Pid) of true -> Pid; false -> none end;
        _ -> none
    end.

%% Its command line names what lies in our root. Where /proc tells nothing, it is taken at its word.
is_ours(Pid) ->
    case file:read_file("/proc/" ++ integer_to_list(Pid) ++ "/cmdline") of
        {ok, <<>>} -> true;
        {ok, Line} -> lists:any(fun is_below_root/1, binary:split(Line, <<0>>, [global]));
        {error, enoent} -> not filelib:is_dir("/proc/self");
        {error, _} -> true
    end.

is_below_root(Argument) -> string:prefix(Argument, in_bytes(tsugi_layout:root() ++ "/")) =/= nomatch.

%% As the system has it: names of files are UTF-8 (+fnu).
in_bytes(Path) -> unicode:characters_to_binary(Path, unicode, file:native_name_encoding()).

%% none | {Pid, Node}; Node = none while it boots or without distribution
running() ->
    case vm_pid() of
        none -> none;
        Pid -> {Pid, node_or_none()}
    end.

%% What runs, as the node itself says; what would be started where none answers.
running_version() ->
    case running() of
        {_, Node} when is_atom(Node), Node =/= none, Node =/= no_distribution ->
            call(Node, tsugi_handler, current, []);
        _ -> tsugi_handler:permanent_on_disk()
    end.

node_or_none() ->
    case string:lexemes(tsugi_files:read_text(tsugi_layout:at(["run", "node"])), " ") of
        ["none", _] -> no_distribution;
        [Kind, Node] -> connect(list_to_atom(Kind), list_to_atom(Node));
        _ -> none
    end.

connect(Kind, Node) ->
    ok = own_node(Kind, Node),
    %% Each time: the first start makes the cookie, and that may be after this program began.
    erlang:set_cookie(node(), own_cookie()),
    case net_kernel:connect_node(Node) of
        true -> Node;
        _ -> ok = require_epmd(), none
    end.

%% A node of our own that doesn't listen comes up without one.
require_epmd() ->
    case erl_epmd:names() of
        {ok, _} -> ok;
        {error, _} -> not_reachable("no epmd answers")
    end.

own_cookie() ->
    case tsugi_cookie:cookie() of
        "" -> nocookie;
        Cookie -> list_to_atom(Cookie)
    end.

own_node(Kind, Node) ->
    case node() of
        nonode@nohost ->
            [_, Host] = string:lexemes(atom_to_list(Node), "@"),
            Own = lists:concat(["tsugi-", os:getpid(), "-", erlang:phash2(make_ref(), 9999)]),
            {Name, Mode} = case Kind of
                sname -> {list_to_atom(Own), shortnames};
                name -> {list_to_atom(Own ++ "@" ++ Host), longnames}
            end,
            case net_kernel:start([Name, Mode]) of
                {ok, _} -> ok;
                {error, Reason} ->
                    ok = require_epmd(),
                    not_reachable(io_lib:format("no node of our own: ~0tP", [Reason, 12]))
            end;
        _ -> ok
    end.

%% The node, or the error that says what is missing.
require() ->
    case running() of
        none -> tsugi_error:throw('TSUGI_NOT_RUNNING', #{});
        {_, no_distribution} -> not_reachable(["it runs with RELEASE_DISTRIBUTION=none, and every command that asks or changes it needs distribution: ",
                                              "say RELEASE_DISTRIBUTION=sname in etc/env, then ", tsugi_layout:bin(), " restart"]);
        {_, none} -> not_reachable("it did not let us in (still booting, or another cookie)");
        {_, Node} -> Node
    end.

-spec not_reachable(term()) -> no_return().
not_reachable(Problem) ->
    tsugi_error:throw('TSUGI_NODE_UNREACHABLE', #{pid => case vm_pid() of none -> 0; P -> P end, problem => Problem}).

call(M, F, A) -> call(require(), M, F, A).

%% What the node throws is thrown here.
call(Node, M, F, A) ->
    case rpc:call(Node, tsugi_remote_end, run, [M, F, A]) of
        {ok, Value} -> Value;
        {error, Error} -> erlang:throw(Error);
        {badrpc, nodedown} -> not_reachable("it went away");
        {badrpc, Reason} -> not_reachable(io_lib:format("~0tP", [Reason, 12]))
    end.

%% In the node where it runs (it is the only writer of releases/ then), here otherwise, with OTP's own
%% release_handler in this program.
here_or_there(M, F, A) ->
    case running() of
        {_, Node} when Node =/= none -> call(M, F, A);
        %% A start may be under way: look again when it is our turn.
        _ -> tsugi_lock:in_turn(fun() ->
                case running() of
                    none ->
                        ok = local_handler(),
                        apply(M, F, A);
                    _ -> call(M, F, A)
                end
             end)
    end.

local_handler() ->
    case whereis(release_handler) of
        undefined ->
            _ = case tsugi_handler:permanent_on_disk() of
                undefined -> ok;
                Vsn -> ok = tsugi_handler:ensure_releases(Vsn)
            end,
            case application:start(sasl) of
                ok -> ok;
                {error, {already_started, _}} -> ok
            end;
        _ -> ok
    end.
