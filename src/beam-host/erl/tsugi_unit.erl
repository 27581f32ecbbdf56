%% systemd: the unit of a root, in the words of src/release/systemdUnit.ts (a test holds them against each other).
%%
%% The keeper (sh) is the main process; the node says READY=1 through systemd-notify, hence
%% NotifyAccess=all. KillMode=mixed: only the keeper gets SIGTERM, and passes it on.
-module(tsugi_unit).
-export([systemd/3]).
-include_lib("kernel/include/file.hrl").

%% A BEAM has all its connections in one process.
-define(OPEN_FILES, 65536).

systemd(Vsn, _, _) ->
    Name = tsugi_layout:name(),
    Unit = unit(Vsn, tsugi_layout:root(), Name),
    Path = ["/etc/systemd/system/", Name, ".service"],
    tsugi_cli:note("# Put it at ~ts, then: systemctl daemon-reload && systemctl enable --now ~ts", [Path, Name]),
    {ok, #{path => tsugi_json:text(Path), unit => tsugi_json:text(Unit)}, Unit}.

unit(Vsn, Root, Name) ->
    {User, Command} = whose(Root, quoted(tsugi_layout:bin())),
    ["[Unit]\nDescription=", Name, " (a tsugi release)\nAfter=network-online.target\nWants=network-online.target\n\n",
     "[Service]\nType=notify\nNotifyAccess=all\n",
     "User=", User, "\n",
     "WorkingDirectory=", no_specifier(Root), "\n",
     "ExecStart=", Command, " foreground\n",
     "ExecReload=", Command, " reload\n",
     "KillMode=mixed\nRestart=on-failure\n",
     "TimeoutStartSec=", seconds(Vsn, <<"readyMs">>), "\nTimeoutStopSec=", seconds(Vsn, <<"stopMs">>), "\n",
     "LimitNOFILE=", integer_to_list(?OPEN_FILES), "\n",
     [[Line, "\n"] || Line <- hardening(Root)],
     "\n[Install]\nWantedBy=multi-user.target\n"].

%% A number for a name: somebody whom systemd does not know either, and starts nothing for. Root's setpriv
%% becomes them before a file of theirs is looked at.
whose(Root, Bin) ->
    User = string:trim(os:cmd("id -un 2>/dev/null")),
    case re:run(User, "^[0-9]*$") of
        nomatch -> {User, Bin};
        _ ->
            {ok, #file_info{uid = Uid, gid = Gid}} = file:read_file_info(Root),
            {"root", io_lib:format("/usr/bin/setpriv --reuid=~b --regid=~b --clear-groups ~ts", [Uid, Gid, Bin])}
    end.

seconds(Vsn, Key) ->
    Ms = try tsugi_settings:get(Vsn, [<<"timeouts">>, Key]) catch _:_ -> 30000 end,
    integer_to_list((Ms + 999) div 1000 + 10).

%% What a service can bear: it needs its root, and memory that is written and run.
hardening(Root) ->
    ["NoNewPrivileges=yes", "ProtectSystem=full"]
        %% Of what ProtectSystem takes away, the root is needed.
        ++ [["ReadWritePaths=", quoted(Root)] || is_below(Root, ["/usr", "/etc", "/boot", "/efi"])]
        ++ ["PrivateTmp=yes" || not is_below(Root, ["/tmp", "/var/tmp"])]
        ++ ["ProtectKernelTunables=yes", "ProtectKernelModules=yes", "ProtectControlGroups=yes", "RestrictSUIDSGID=yes",
            "RestrictRealtime=yes", "LockPersonality=yes", "SystemCallArchitectures=native"].

is_below(Root, Folders) -> lists:any(fun(Folder) -> lists:prefix(Folder ++ "/", Root) end, Folders).

%% As systemd reads a word. A root with a quote, a backslash or a blank is refused before (main.sh).
quoted(Word) ->
    Escaped = no_specifier(Word),
    case re:run(Escaped, "^[\\w/.+@:,=%-]+$", [unicode, {capture, none}]) of
        match -> Escaped;
        nomatch -> [$", Escaped, $"]
    end.

no_specifier(Word) -> lists:flatten(string:replace(Word, "%", "%%", all)).
