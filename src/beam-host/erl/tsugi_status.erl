%% `status --json`, in the shape of src/protocol/report.ts.
-module(tsugi_status).
-export([running/2, states/0]).

running(#{since := Since, etc := Etc, generation := Generation}, Upgrade) ->
    Vsn = tsugi_handler:current(),
    Pid = list_to_integer(os:getpid()),
    #{name => tsugi_json:text(tsugi_layout:name()), version => tsugi_json:text(Vsn),
      releaseId => tsugi_manifest:id(Vsn), status => atom_to_binary(tsugi_handler:status(Vsn)),
      since => Since,
      processes => [#{name => <<"main">>,
                      slots => [#{pid => Pid, generation => Generation,
                                  node => otp_version(), restarts => restarts(),
                                  rssBytes => tsugi_os:rss_bytes(Pid), cpuMs => tsugi_os:cpu_ms(Pid),
                                  healthy => tsugi_health:check(Vsn, tsugi_release:load(Vsn)) =:= ok}]}],
      etcChanged => tsugi_settings:etc_hash() =/= Etc,
      %% An install waits for its commit.
      upgrade => case {Upgrade, tsugi_handler:status(Vsn)} of
                     {null, current} -> #{to => tsugi_json:text(Vsn), step => <<"installed">>};
                     _ -> Upgrade
                 end,
      leftovers => leftovers(), logDropped => lines("log.dropped")}.

otp_version() ->
    tsugi_json:text(["OTP ", erlang:system_info(otp_release), ", ERTS ", erlang:system_info(version)]).

restarts() -> lines("restarts").

lines(File) ->
    case file:read_file(tsugi_layout:at(["run", File])) of
        {ok, Bytes} -> length(binary:matches(Bytes, <<"\n">>));
        _ -> 0
    end.

leftovers() ->
    %% Old code in which nobody stands is kept for closures until the next upgrade, on purpose.
    [tsugi_json:text(["old code of ", atom_to_list(M)])
     || M <- tsugi_loading:occupied([M || {M, _} <- code:all_loaded()])].

%% Modules of the project's own applications whose processes hold something that a stop would end.
states() ->
    Vsn = tsugi_handler:current(),
    #{<<"components">> := Components} = tsugi_manifest:read(Vsn),
    Own = [binary_to_atom(App) || #{<<"name">> := App, <<"own">> := true} <- Components],
    Ebins = [Ebin || {App, #{ebin := Ebin}} <- maps:to_list(maps:get(apps, tsugi_release:load(Vsn))),
                     lists:member(App, Own)],
    Modules = [M || Ebin <- Ebins, {M, File} <- maps:to_list(tsugi_beams:files(Ebin)),
                    maps:get(kind, tsugi_beams:facts(File)) =:= {special, code_change}],
    lists:usort([tsugi_json:text(M) || {M, _} <- tsugi_freeze:processes(Modules)]).
