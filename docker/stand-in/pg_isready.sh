#!/bin/bash
# PostgreSQL's own is not among its binaries on npm. Asks whether encryption is spoken (SSLRequest, 80877103), which any
# server that takes connections answers with one letter: https://www.postgresql.org/docs/current/protocol-message-formats.html
exec 3<>/dev/tcp/127.0.0.1/5432 || exit 2
printf '\0\0\0\010\004\322\026\057' >&3
IFS= read -r -t 2 -n 1 answer <&3 || exit 2
[ "$answer" = N ] || [ "$answer" = S ]
