#!/bin/bash
# A health check that answers when there is news, for an engine that asks again as soon as it has an answer: to begin one costs
# the engine ten times what to look costs, and none before Engine 25 asks less often once a container is well.
#
#   healthy.sh http 127.0.0.1:3000 /ready     looks by HTTP
#   healthy.sh pg_isready --quiet             looks by a command
#
#   said to be ready just now ─▶ looks every 5 s ───▶ not ready (1), or still ready after 20 s (0)
#   not said for a while      ─▶ looks every 0.2 s ─▶ ready (0), or still not after 5 s (1)
#
# To an engine, a container that was paused is unwell until it has the next answer: for a while, nothing was said there either.
told=${TMPDIR:-/tmp}/.told-ready
aWhile=5 # seconds; the engine's interval is one

http() {
  local status=""
  exec 3<>"/dev/tcp/${1/://}" || return
  printf 'GET %s HTTP/1.1\r\nHost: %s\r\nConnection: close\r\n\r\n' "$2" "$1" >&3
  IFS=" " read -r -t 2 _ status _ <&3
  exec 3>&-
  [ "$status" = 200 ]
}

tell() {
  echo "$EPOCHSECONDS" >"$told"
  exit 0
}

last=0
[ -e "$told" ] && read -r last <"$told"
if ((EPOCHSECONDS - last < aWhile)); then
  for ((looks = 0; looks < 4; looks++)); do
    sleep 5
    "$@" || exit 1
  done
  tell
fi
for ((looks = 0; looks < 25; looks++)); do
  "$@" 2>/dev/null && tell
  sleep 0.2
done
echo "not ready within 5 s"
exit 1
