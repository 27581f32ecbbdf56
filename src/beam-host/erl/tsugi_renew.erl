%% tsugi's own code in a running node. An upgrade can't replace the code that it stands in itself, so a
%% relup leaves tsugi's modules out (tsugi_plan). They are loaded here, when the upgrade that brought
%% them is permanent and its process is gone: of tsugi only tsugi_server has state by then.
-module(tsugi_renew).
-export([tell/2, run/0]).

%% Whoever waits for the upgrade is told when all of the release's code runs, tsugi's included.
tell(Listeners, Result) ->
    Told = case Result of
        {done, #{result := <<"committed">>} = Report, Plan} ->
            try ok = run(), ok = tsugi_endpoint:apply_settings(), Result
            catch Class:Reason:Stack ->
                logger:error("tsugi's own code: ~tp", [{Class, Reason, Stack}]),
                {done, Report#{leftovers => [<<"the earlier version of tsugi's own code, until the next start">>]}, Plan}
            end;
        _ -> Result
    end,
    [Listener ! {tsugi_result, Told} || Listener <- Listeners],
    ok.

%% Loads what a cold boot of the current release would have. The process that calls it stands in old
%% code afterwards, so it has to be one that ends soon.
run() ->
    #{apps := #{tsugi := #{vsn := Vsn, ebin := Ebin}}} = tsugi_release:load(tsugi_handler:current()),
    Files = lists:sort(maps:to_list(tsugi_beams:files(Ebin))),
    case [{M, File} || {M, File} <- Files, is_other(M, File)] of
        [] -> ok;
        New -> load([begin {ok, Binary} = file:read_file(File), {M, File, Binary} end || {M, File} <- New], Vsn)
    end.

is_other(M, File) -> code:is_loaded(M) =:= false orelse M:module_info(md5) =/= tsugi_beams:md5(File).

load(Binaries, Vsn) ->
    ok = sys:suspend(tsugi_server),
    try
        [{module, M} = load_one(M, File, Binary) || {M, File, Binary} <- Binaries],
        ok = sys:change_code(tsugi_server, tsugi_server, Vsn, []),
        tsugi_output:start(),
        tsugi_endpoint:renew()
    after sys:resume(tsugi_server)
    end.

load_one(M, File, Binary) ->
    _ = code:purge(M),
    code:load_binary(M, File, Binary).
