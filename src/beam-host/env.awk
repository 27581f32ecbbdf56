# etc/env as lines for sh: export KEY='value'. The same rules as src/handler/envFile.ts, and the
# one place that knows them on a BEAM host; names are those that a shell can export. A line that is none
# comes out as "# line 3: what is wrong", never with a value; the others stand all the same. At the end
# TSUGI_ETC names what came from here.

function fail(line, words) { printf "# line %d: %s\n", line, words; failed = 1 }

function emit(line,    parts, count, n, out) {
  if (key ~ /^TSUGI_/ && key !~ /^TSUGI_(DEBUG|EPHEMERAL|FAULT|LIVES_ON|TRY)$/) {
    fail(line, key " is set by tsugi for each process; it can't be set here")
    return
  }
  if (length(key) + length(value) + 2 > 131072) {
    fail(line, key " is too long: a variable has at most 131072 bytes. Put it into a file and its path here")
    return
  }
  count = split(value, parts, "'")
  out = parts[1]
  for (n = 2; n <= count; n++) out = out "'\\''" parts[n]
  printf "export %s='%s'\n", key, out
  keys = keys " " key
}

# Where only a comment follows, a quote is the last one.
function ends(rest) { return rest ~ /^[ \t]*(#.*)?$/ }

function scan(    at, c, next_one) {
  for (at = 1; at <= length(text); at++) {
    c = substr(text, at, 1)
    if (c == quote) {
      quote = ""
      if (ends(substr(text, at + 1))) emit(first)
      else fail(first, "text after the closing " c " of " key)
      return
    }
    next_one = c == "\\" && quote == "\"" ? substr(text, at + 1, 1) : ""
    if (next_one == "n" || (next_one == "\"" && !ends(substr(text, at + 2)))) {
      at++
      c = next_one == "n" ? "\n" : next_one
    }
    value = value c
  }
}

{
  sub(/\r$/, "")
  if (NR == 1) sub(/^\357\273\277/, "")
}

quote != "" { value = value "\n"; text = $0; scan(); next }

/^[ \t]*(#|$)/ { next }

{
  line = $0
  sub(/^[ \t]+/, "", line)
  if (match(line, /^export[ \t]+[A-Za-z_]/)) line = substr(line, RLENGTH)
  if (!match(line, /^[A-Za-z_][A-Za-z0-9_]*[ \t]*=[ \t]*/)) { fail(NR, "expected KEY=value"); next }
  raw = substr(line, RLENGTH + 1)
  key = line
  sub(/[ \t]*=.*$/, "", key)
  value = ""
  quote = substr(raw, 1, 1)
  if (quote == "\"" || quote == "'" || quote == "`") { first = NR; text = substr(raw, 2); scan(); next }
  quote = ""
  sub(/(^|[ \t])#.*$/, "", raw)
  sub(/[ \t]+$/, "", raw)
  value = raw
  emit(NR)
}

END {
  if (quote != "") fail(first, "the " quote " of " key " is never closed")
  printf "TSUGI_ETC='%s'\n", keys
  exit failed
}
