"""The engine's packages for a robot without a network: a folder of .deb files, installed as a repository of its own.

apt decides which of them the robot lacks, so that the folder may hold more than one robot needs. The robot's own
sources and lists are neither read nor changed.
"""

from __future__ import annotations

import shlex
from collections.abc import Sequence
from pathlib import Path

from ansible_collections.robotfleet.stack.plugins.module_utils.robot_stack.spec.needs import PackagesNeed


class PackagesMissingError(RuntimeError):
    """The folder holds no packages."""


def packages(directory: str) -> list[Path]:
    """Return the packages of a folder on the controller."""
    found = sorted(Path(directory).expanduser().glob("*.deb"))
    if not found:
        raise PackagesMissingError(
            f"container_engine_packages_directory: {directory} holds no .deb files; fill it on a machine with a "
            "network, see docs/images.md"
        )
    return found


def installation(staging: str, need: PackagesNeed, files: Sequence[str]) -> str:
    """Return the shell script that installs packages from those in the directory ``staging`` of the robot.

    ``files`` are those of the folder that is named now: what came of another one before, cut off or wrong, goes.
    """
    words = f"--no-install-recommends {shlex.join(need.names)}"
    stay = "" if need.replaces else " --no-remove"
    kept = " ".join(shlex.quote(file) for file in files)
    return f"""set -eu
cd {shlex.quote(staging)}
set -- {kept}
for package in *.deb; do
    wanted=
    for file in "$@"; do
        test "$file" != "$package" || wanted=yes
    done
    test -n "$wanted" || rm -f "./$package"
done
for package in "$@"; do
    dpkg-deb -f "$package"
    echo "Filename: ./$package"
    echo "Size: $(stat -c %s "$package")"
    echo "SHA256: $(sha256sum "$package" | cut -d ' ' -f 1)"
    echo
done >Packages
echo "deb [trusted=yes] file:$PWD ./" >sources.list
mkdir -p lists/partial archives/partial
export DEBIAN_FRONTEND=noninteractive
own="-o Dir::Etc::SourceList=$PWD/sources.list -o Dir::Etc::SourceParts=/dev/null -o Dir::State::Lists=$PWD/lists"
own="$own -o Dir::Cache::Archives=$PWD/archives -o Dir::Cache::pkgcache= -o Dir::Cache::srcpkgcache="
own="$own -o APT::Sandbox::User=root -o DPkg::Lock::Timeout=300"
apt-get -qq $own update >&2
dpkg --configure -a >&2  # what a power cut left
apt-get -qq $own install -y{stay} {words} >&2 || {{
    apt-get -q $own --simulate install {words} | sed -n 's/^Remv \\([^ ]*\\).*/\\1 would have to go/p' >&2
    exit 1
}}
rm -rf ./*.deb Packages sources.list lists archives
"""
