"""tools/python takes the newest Python that suits, and says nothing about those that do not."""

from __future__ import annotations

import os
import subprocess
from pathlib import Path

from declarations import PROJECT

NOT_SELECTED = 'echo "pyenv: $(basename "$0"): command not found" >&2; exit 127'


def program(path: Path, minor: int, *, venv: bool = True, body: str = "") -> None:
    """Write something that answers the script's questions as Python 3.MINOR would, and else says where it is."""
    path.parent.mkdir(parents=True, exist_ok=True)
    answers = f"""case "$*" in
        *version_info*) exit {int(not 11 <= minor <= 14)} ;;
        *ensurepip*) exit {int(not venv)} ;;
        *) echo "$0" ;;
    esac"""
    path.write_text(f"#!/bin/bash\n{body or answers}\n", encoding="utf-8")
    path.chmod(0o755)


def chosen(tmp_path: Path) -> tuple[int, str, str]:
    """Run the script where nothing is known but ``tmp_path``'s programs and versions of pyenv."""
    folder = tmp_path / "bin"
    folder.mkdir(exist_ok=True)
    for name in ("bash", "env", "sort", "basename", "id", "echo"):
        found = next(p for p in (Path("/usr/bin") / name, Path("/bin") / name) if p.exists())
        (folder / name).symlink_to(found)
    environment = {**os.environ, "PATH": str(folder), "PYENV_ROOT": str(tmp_path / "pyenv")}
    done = subprocess.run(
        [str(PROJECT / "tools" / "python")], env=environment, capture_output=True, text=True, check=False
    )
    return done.returncode, done.stdout.strip(), done.stderr


def test_shims_for_versions_that_are_not_selected_are_passed_over_in_silence(tmp_path: Path) -> None:
    for minor in (14, 13, 12):
        program(tmp_path / "bin" / f"python3.{minor}", minor, body=NOT_SELECTED)
    program(tmp_path / "bin" / "python3.11", 11)
    assert chosen(tmp_path) == (0, str(tmp_path / "bin" / "python3.11"), "")


def test_the_newest_is_taken_selected_or_not(tmp_path: Path) -> None:
    program(tmp_path / "bin" / "python3.11", 11)
    for version in ("3.13.9", "3.13.10", "3.12.11", "3.10.2"):
        minor = version.split(".")[1]
        program(tmp_path / "pyenv" / "versions" / version / "bin" / f"python3.{minor}", int(minor))
    newest = tmp_path / "pyenv" / "versions" / "3.13.10" / "bin" / "python3.13"
    assert chosen(tmp_path) == (0, str(newest), "")


def test_one_that_cannot_make_an_environment_is_passed_over(tmp_path: Path) -> None:
    program(tmp_path / "bin" / "python3.14", 14, venv=False)
    program(tmp_path / "bin" / "python3", 12)
    assert chosen(tmp_path) == (0, str(tmp_path / "bin" / "python3"), "")


def test_too_old_and_too_new_ones_are_refused_in_one_sentence(tmp_path: Path) -> None:
    for name, minor in (("python3.11", 10), ("python3", 15)):
        program(tmp_path / "bin" / name, minor)
    code, told, complaint = chosen(tmp_path)
    assert (code, told) == (1, "")
    assert complaint == "ERROR: Python 3.11 to 3.14 is needed on this machine (robots need only 3.9).\n"
