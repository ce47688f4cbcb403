#!/bin/sh
# workerd as miniflare starts it, but for its entry: that serves the bucket and believes what requests say of themselves, so it goes
# to a socket in a folder that its owner alone can enter, instead of a port that every account of this machine can reach.
set -eu
# exec keeps the process, so this is workerd's id: written before it runs, so that whoever ends it always knows it.
echo $$ >"$SLIPWAY_SOCKETS/workerd.pid"
rm -f "$SLIPWAY_SOCKETS/entry" "$SLIPWAY_SOCKETS/control"
for argument do
  shift
  case $argument in
    --socket-addr=entry=*) argument="--socket-addr=entry=unix:$SLIPWAY_SOCKETS/entry" ;;
  esac
  set -- "$@" "$argument"
done
exec "$SLIPWAY_WORKERD" "$@"
