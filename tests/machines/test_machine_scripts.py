"""What machines are made of: the folder's name follows from the recipe; a computer that cannot have QEMU says so."""

from __future__ import annotations

import os
import shutil
import stat
import subprocess
from pathlib import Path

import pytest
from declarations import PROJECT

NOT_TO_BE_HAD = 77


@pytest.fixture
def testbed(tmp_path: Path) -> Path:
    """A copy of the scripts, to be changed."""
    copy = tmp_path / "testbed"
    shutil.copytree(PROJECT / "testbed", copy, ignore=shutil.ignore_patterns("__pycache__"))
    return copy


def folder(testbed: Path, system: str = "debian13") -> Path:
    argv = [str(testbed / "machine_images"), "--folder", system]
    return Path(subprocess.run(argv, capture_output=True, text=True, check=True).stdout.strip())


def test_the_folder_of_an_operating_system_is_in_the_cache_and_bears_its_name(testbed: Path) -> None:
    found = folder(testbed)
    assert found.parent == testbed.parent / ".testbed" / "cache" / "machines"
    assert found.name.startswith("debian13-")
    assert not found.exists(), "nothing was made"
    assert folder(testbed) == found


@pytest.mark.parametrize(
    ("file", "take", "put"),
    [
        ("machine_images", "disk_mib=2048", "disk_mib=4096"),
        ("machine_image/customize", "DHCP=ipv4", "DHCP=yes"),
        ("machine_image/first_start.service", "Type=oneshot", "Type=simple"),
        ("robot_image/customize", "UseDNS no", "UseDNS yes"),
        ("robot_images", "packages=systemd,", "packages=vim,systemd,"),
    ],
)
def test_another_recipe_is_another_folder(testbed: Path, file: str, take: str, put: str) -> None:
    before, text = folder(testbed), (testbed / file).read_text(encoding="utf-8")
    assert text.count(take) == 1
    (testbed / file).write_text(text.replace(take, put), encoding="utf-8")
    assert folder(testbed) != before


def test_what_runs_machines_is_no_part_of_the_recipe(testbed: Path) -> None:
    before = folder(testbed)
    (testbed / "machines" / "keeper.py").write_text("", encoding="utf-8")
    assert folder(testbed) == before


def test_each_operating_system_has_a_folder_of_its_own(testbed: Path) -> None:
    assert folder(testbed, "debian-testing").name.startswith("debian-testing-")
    assert folder(testbed, "debian-testing").name[-16:] != folder(testbed).name[-16:]


def test_an_operating_system_that_there_is_none_of_is_refused(testbed: Path) -> None:
    argv = [str(testbed / "machine_images"), "plan9"]
    done = subprocess.run(argv, capture_output=True, text=True, check=False)
    assert done.returncode == 1
    assert "Machines run debian13 or debian-testing, not plan9." in done.stderr


def forgotten(testbed: Path, *others: str) -> list[str]:
    """Say that these were made before, and have them forgotten; return what stays."""
    machines = testbed.parent / ".testbed" / "cache" / "machines"
    for name in ("debian13-new", *others):
        (machines / name).mkdir(parents=True)
        (machines / name / "lock").touch()
    text = (testbed / "machine_images").read_text(encoding="utf-8")
    functions = text.partition("\nonly_folder=false\n")[0]
    (testbed / "forget").write_text(f'{functions}\nforget_others debian13 "$machines/debian13-new"\n', encoding="utf-8")
    used = testbed.parent / ".testbed" / "fleet" / "one" / "machine"
    used.mkdir(parents=True)
    (used / "machine.json").write_text(f'{{"base": "{machines / "debian13-used"}"}}', encoding="utf-8")
    with (machines / "debian13-runs" / "lock").open("w") as lock:
        argv = ["flock", "--shared", str(lock.fileno())]
        subprocess.run(argv, check=True, pass_fds=[lock.fileno()])
        subprocess.run(["bash", str(testbed / "forget")], check=True, capture_output=True)
    return sorted(path.name for path in machines.iterdir())


def test_disks_of_earlier_recipes_go_unless_a_machine_has_them(testbed: Path) -> None:
    found = forgotten(testbed, "debian13-old", "debian13-used", "debian13-runs", "debian14-other")
    assert found == ["debian13-new", "debian13-runs", "debian13-used", "debian14-other"]


def asked(tmp_path: Path, machine: str, *programs: str) -> subprocess.CompletedProcess[str]:
    """Ask for QEMU on a computer of this kind that has nothing but these programs."""
    there = tmp_path / "bin"
    there.mkdir()
    for name in programs:
        (there / name).symlink_to(str(shutil.which(name)))
    (there / "uname").write_text(f"#!{shutil.which('sh')}\necho {machine}\n", encoding="utf-8")
    (there / "uname").chmod(stat.S_IRWXU)
    argv = [str(shutil.which("bash")), str(PROJECT / "testbed" / "machine_programs")]
    return subprocess.run(
        argv, env={**os.environ, "PATH": str(there)}, capture_output=True, text=True, check=False, input=""
    )


def test_a_computer_that_is_no_amd64_says_so_with_an_exit_code_of_its_own(tmp_path: Path) -> None:
    done = asked(tmp_path, "aarch64", "dirname", "sort")
    assert done.returncode == NOT_TO_BE_HAD
    assert done.stderr == "Not to be had on this computer: machines are amd64, this computer is aarch64\n"


def test_a_computer_that_is_no_debian_names_what_it_lacks(tmp_path: Path) -> None:
    done = asked(tmp_path, "x86_64", "dirname", "sort")
    assert done.returncode == NOT_TO_BE_HAD
    assert "qemu-system-x86" in done.stderr
    assert "Install them with this system's package manager" in done.stderr
