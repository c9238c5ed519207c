#!/bin/sh
#   run.sh KEYS SUMS ROBOT=PORT...
# Runs check.sh on each robot at the same time. KEYS: the fleet's folder; SUMS: a folder with ROBOT.sums for each of them.
set -eu
keys="$1" sums="$2"
shift 2
here="$(dirname "$0")"
running=""
for robot in "$@"; do
    { echo "sums='$(cat "$sums/${robot%=*}.sums")'" && cat "$here/check.sh"; } | ssh -p "${robot#*=}" -i "$keys/id_ed25519" -o IdentitiesOnly=yes \
        -o UserKnownHostsFile="$keys/known_hosts" -o StrictHostKeyChecking=yes operator@127.0.0.1 sudo sh -s &
    running="$running $!"
done
for each in $running; do
    wait "$each"
done
