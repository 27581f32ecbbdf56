# etc/env as lines for sh: export KEY='value'. The same rules as src/host/handler/envFile.ts, and the
# one place that knows them on a BEAM host. A line that is none comes out as "# line 3: what is wrong";
# the others stand all the same. At the end TSUGI_ETC names what came from here.

function fail(line, words) { printf "# line %d: %s\n", line, words; failed = 1 }

function emit(    parts, count, n, out) {
  count = split(value, parts, "'")
  out = parts[1]
  for (n = 2; n <= count; n++) out = out "'\\''" parts[n]
  printf "export %s='%s'\n", key, out
  keys = keys " " key
}

function scan(    at, c, rest) {
  for (at = 1; at <= length(text); at++) {
    c = substr(text, at, 1)
    if (c == quote) {
      rest = substr(text, at + 1)
      quote = ""
      if (rest ~ /^[ \t]*(#.*)?$/) emit()
      else fail(first, "text after the closing " c)
      return
    }
    if (c == "\\" && quote == "\"" && at < length(text)) {
      at++
      c = substr(text, at, 1)
      if (c == "n") c = "\n"
      else if (c == "r") c = "\r"
      else if (c == "t") c = "\t"
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
  if (quote == "\"" || quote == "'") { first = NR; text = substr(raw, 2); scan(); next }
  quote = ""
  sub(/(^|[ \t])#.*$/, "", raw)
  sub(/[ \t]+$/, "", raw)
  value = raw
  emit()
}

END {
  if (quote != "") fail(first, "the " quote " of " key " is never closed")
  printf "TSUGI_ETC='%s'\n", keys
  exit failed
}
