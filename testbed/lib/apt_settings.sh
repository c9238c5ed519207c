# shellcheck shell=bash
# How this machine reaches Debian's packages, so that robots can reach them the same way: its mirrors, its proxy, its
# certificate authorities. Never its credentials.

# Prints "LABEL|ADDRESS" of each of this machine's package sources. It costs a second: ask once.
apt_mirrors() {
    is_debian || return 0
    # shellcheck disable=SC2016 # apt's own variables
    apt-get indextargets --format '$(LABEL)|$(SITE)' 'Created-By: Packages' 2>/dev/null
}

# apt_sources SUITE MIRRORS: lines for a robot's sources.list, made of the mirrors that this machine uses for Debian.
# Prints nothing where it uses none (it is no Debian): mmdebstrap then takes Debian's own.
apt_sources() {
    local main security
    main="$(sed -n 's/^Debian|//p' <<<"$2" | head -n 1)"
    security="$(sed -n 's/^Debian-Security|//p' <<<"$2" | head -n 1)"
    [ -n "$main" ] || return 0
    printf 'deb %s %s main\n' "$main" "$1" "$main" "$1-updates"
    [ -z "$security" ] || printf 'deb %s %s-security main\n' "$security" "$1"
}

# Settings of the transport, in the form of an apt.conf. What names a file of this machine is left out.
apt_settings() {
    is_debian || return 0
    apt-config dump | grep -E '^Acquire::(https?::(Proxy|Verify-|Timeout|Pipeline-Depth)|Check-|Retries|ForceIPv)' || true
}
