%% Does a folder lie on a container's own, layered file system? What is written there is gone with it.
-module(tsugi_container).
-export([is_ephemeral/1]).

is_ephemeral(Root) -> is_container() andalso is_on_image(Root).

is_container() ->
    filelib:is_regular("/.dockerenv") orelse filelib:is_regular("/run/.containerenv")
        orelse re:run(read("/proc/1/cgroup"), "docker|kubepods|containerd|libpod|lxc", [{capture, none}]) =:= match.

%% The mount with the longest path that holds the root:
%% id parent major:minor root POINT options … - TYPE source options
is_on_image(Root, Lines) ->
    Mounts = [{length(Point), Point, Type}
              || Line <- Lines,
                 [Left, Right] <- [string:split(Line, " - ")],
                 [_, _, _, _, Point | _] <- [string:lexemes(Left, " ")],
                 [Type | _] <- [string:lexemes(Right, " ")], holds(Point, Root)],
    case lists:reverse(lists:sort(Mounts)) of
        [{_, "/", Type} | _] ->
            lists:member(Type, ["overlay", "aufs", "fuse.fuse-overlayfs", "fuse-overlayfs"]);
        _ -> false
    end.

is_on_image(Root) ->
    is_on_image(Root, string:split(binary_to_list(read("/proc/self/mountinfo")), "\n", all)).

holds("/", _) -> true;
holds(Point, Root) -> Root =:= Point orelse lists:prefix(Point ++ "/", Root).

read(File) ->
    case file:read_file(File) of {ok, Bytes} -> Bytes; _ -> <<>> end.
