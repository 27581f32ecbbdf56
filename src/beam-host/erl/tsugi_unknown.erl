%% Keys of etc/config.json that this tsugi does not know, as src/handler/unknownSettings.ts: no error, since they may be
%% of a newer or an older one, but a slip of the keyboard would otherwise never be seen.
-module(tsugi_unknown).
-export([warn/0, sentences/0]).

warn() -> [tsugi_cli:note(["! ", Text]) || Text <- sentences()], ok.

%% One for each. Of a file that can't be read more is said elsewhere.
sentences() ->
    File = tsugi_layout:at(["etc", "config.json"]),
    try sentences(File, tsugi_settings:read(File)) catch throw:{tsugi_error, _, _} -> [] end.

sentences(File, Map) ->
    Paths = [binary:split(Path, <<".">>) || #{<<"path">> := Path} <- tsugi_settings:rows()],
    Sections = [Name || [Name] <- Paths],
    [[File, ": ", Text] || {Name, Value} <- maps:to_list(Map),
                           Text <- case lists:member(Name, Sections) of
                               false -> [sentence(Name, Name, Sections)];
                               true when is_map(Value) -> below(Name, Value, [Key || [Of, Key] <- Paths, Of =:= Name]);
                               true -> []
                           end].

below(Section, Map, Known) ->
    [sentence([Section, ".", Key], Key, Known) || Key <- maps:keys(Map), not lists:member(Key, Known)].

sentence(Path, Key, Known) ->
    [Path, " is not known", [["; did you mean ", Meant, "?"] || Meant <- nearest(Key, Known)]].

%% What two or three slips away is meant.
nearest(Key, Known) ->
    Far = max(2, string:length(Key) div 3),
    Near = [{Slips, Name} || Name <- Known, Slips <- [slips(letters(Key), letters(Name))], Slips =< Far],
    [Name || {_, Name} <- lists:sublist(lists:keysort(1, Near), 1)].

letters(Text) -> string:lowercase(unicode:characters_to_list(Text)).

%% Levenshtein's distance.
slips(A, B) -> lists:last(lists:foldl(fun(Letter, Row) -> row(Letter, Row, B) end, lists:seq(0, length(B)), A)).

row(Letter, [Corner | Row], B) -> row(Letter, Corner, Row, B, [Corner + 1]).

row(_, _, [], [], Done) -> lists:reverse(Done);
row(Letter, Corner, [Above | Row], [Other | B], [Left | _] = Done) ->
    Same = case Letter of Other -> Corner; _ -> Corner + 1 end,
    row(Letter, Above, Row, B, [lists:min([Same, Above + 1, Left + 1]) | Done]).
