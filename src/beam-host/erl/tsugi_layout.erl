%% Every path of the release tree, once. The same functions serve the control program and the
%% running node: both know the root by TSUGI_ROOT, a node started by other means by its root_dir.
-module(tsugi_layout).
-export([root/0, name/0, bin/0, at/1, release_dir/1, release/2, tarball/1, versions/0,
         releases_dir/0, tsugi_priv/0]).

root() ->
    case os:getenv("TSUGI_ROOT") of
        false -> code:root_dir();
        Root -> Root
    end.

name() ->
    case {os:getenv("TSUGI_NAME"), os:getenv("RELEASE_NAME")} of
        {false, false} -> element(1, init:script_id());
        {false, Name} -> Name;
        {Name, _} -> Name
    end.

bin() -> at(["bin", name()]).

at(Parts) -> filename:join([root() | Parts]).

releases_dir() -> at(["releases"]).
release_dir(Vsn) -> at(["releases", Vsn]).
release(Vsn, File) -> at(["releases", Vsn, File]).
tarball(Vsn) -> release(Vsn, name() ++ ".tar.gz").

tsugi_priv() -> filename:join(filename:dirname(filename:dirname(code:which(tsugi_cli))), "priv").

%% Versions that are on disk, whatever RELEASES says of them.
versions() ->
    [filename:basename(filename:dirname(File))
     || File <- filelib:wildcard(at(["releases", "*", "release.json"]))].

