#!/bin/sh
# The floor: the work of the usual role as one script over one SSH session. It finds out that nothing changed, and could
# not do anything about it if something had. run.sh puts the sums of the files before it, which were taken when the robot
# was made.
set -eu

fail() {
    echo "$1" >&2
    exit 1
}

. /etc/os-release
[ "$ID" = debian ] && [ -d /run/systemd/system ] || fail "no Debian with systemd"
grep -qE ':memory:|^0::' /proc/self/cgroup || fail "no memory controller"
[ "$(df --output=avail -k /var/lib/docker | tail -n 1)" -gt 2097152 ] || fail "no room on the disk"
[ "$(dpkg-query -W -f '${db:Status-Status} ' docker.io curl)" = "installed installed " ] || fail "packages are missing"
echo "$sums" | sha256sum --status -c - || fail "a file was changed"
[ "$(stat -c %u:%a /var/lib/telemetry)" = 70101:750 ] || fail "the data's owner or mode was changed"
for unit in docker.service telemetry.slice telemetry-watchdog.timer; do
    systemctl -q is-active "$unit" && systemctl -q is-enabled "$unit" || fail "$unit does not run"
done
[ "$(docker ps -aq | wc -l)" -eq 2 ] || fail "other containers are here"
docker image inspect robot-stack/sensor-service:0.1.0 victoriametrics/victoria-metrics:v1.148.8 >/dev/null ||
    fail "an image is missing"

total=0
while read -r name mib url; do
    set -- $(docker inspect -f '{{.State.Pid}} {{.HostConfig.Memory}} {{.HostConfig.MemorySwap}} {{.HostConfig.PidsLimit}}
        {{.HostConfig.NanoCpus}} {{.HostConfig.CgroupParent}} {{.State.Running}}' "$name")
    [ "$2" = $((mib * 1048576)) ] && [ "$3" = "$2" ] && [ "$6" = "telemetry-$name.slice" ] && [ "$7" = true ] ||
        fail "$name is another container"
    path=$(awk -F: '$2 == "memory" || $1 == "0" { print $3; exit }' "/proc/$1/cgroup")
    limit=$(cat "/sys/fs/cgroup/memory$path/memory.limit_in_bytes" 2>/dev/null || cat "/sys/fs/cgroup$path/memory.max")
    [ "$limit" = $((mib * 1048576)) ] || fail "$name has another limit in the kernel"
    total=$((total + $(awk '/^Pss:/ { print $2 * 1024 }' "/proc/$1/smaps_rollup")))
    curl -fsS --max-time 5 -o /dev/null "$url" || fail "$name is not healthy"
done <<END
sensor 32 http://127.0.0.1:9101/healthz
victoriametrics 64 http://127.0.0.1:8428/health
END
curl -fsS http://127.0.0.1:8428/metrics | grep "^vm_available_memory_bytes $((64 * 1048576))$" >/dev/null ||
    fail "VictoriaMetrics found another limit"
query='query=max by (service) (max_over_time(telemetry_memory_working_set_bytes[1d]))'
curl -fsS --get --data-urlencode "$query" http://127.0.0.1:8428/api/v1/query | grep '"status":"success"' >/dev/null ||
    fail "no peaks"
limit=$(cat /sys/fs/cgroup/memory/telemetry.slice/memory.limit_in_bytes 2>/dev/null || cat /sys/fs/cgroup/telemetry.slice/memory.max)
[ "$limit" = $((300 * 1048576)) ] || fail "the whole stack has another limit in the kernel"
for pid in $(pidof dockerd containerd containerd-shim-runc-v2); do
    total=$((total + $(awk '/^Pss:/ { print $2 * 1024 }' "/proc/$pid/smaps_rollup")))
done
[ "$total" -le $((300 * 1048576)) ] || fail "the whole stack is over its budget"
echo "nothing changed"
