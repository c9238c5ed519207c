"""An image is built anew for what goes into it, and for nothing else."""

from __future__ import annotations

import hashlib
from pathlib import Path

import pytest
from ansible_collections.robotfleet.stack.plugins.plugin_utils.images.context import source_digest

CONTEXT = Path(__file__).resolve().parents[2] / "files" / "sensor_service"


@pytest.fixture
def context(tmp_path: Path) -> Path:
    for name in ("Dockerfile", ".dockerignore", "src/service/a.py", "image/start.py", "tests/test_a.py", "measure.py"):
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).write_text(name)
    (tmp_path / ".dockerignore").write_text("*\n!src\n!image\n")
    return tmp_path


@pytest.mark.parametrize("changed", ["Dockerfile", ".dockerignore", "src/service/a.py", "image/start.py"])
def test_what_goes_into_the_image_makes_it_another(context: Path, changed: str) -> None:
    before = source_digest(context)
    (context / changed).write_text("another")
    assert source_digest(context) != before


def test_a_new_file_a_new_name_and_a_program_bit_make_it_another(context: Path) -> None:
    seen = {source_digest(context)}
    (context / "src" / "b.py").touch()
    seen.add(source_digest(context))
    (context / "src" / "b.py").rename(context / "src" / "c.py")
    seen.add(source_digest(context))
    (context / "src" / "c.py").chmod(0o755)
    assert len(seen | {source_digest(context)}) == 4


@pytest.mark.parametrize("changed", ["tests/test_a.py", "measure.py", "src/service/__pycache__/a.pyc", "image/a.pyc"])
def test_tests_tools_and_caches_do_not(context: Path, changed: str) -> None:
    before = source_digest(context)
    (context / changed).parent.mkdir(exist_ok=True)
    (context / changed).write_text("another")
    assert source_digest(context) == before


def test_without_a_list_of_what_stays_out_every_file_counts(context: Path) -> None:
    (context / ".dockerignore").unlink()
    before = source_digest(context)
    (context / "tests" / "test_a.py").write_text("another")
    assert source_digest(context) != before


def test_the_sensor_services_image_is_what_it_was_for_robots_that_have_it() -> None:
    counted = ("Dockerfile", ".dockerignore", "image", "src")
    digest = hashlib.sha256()
    for path in sorted(CONTEXT.rglob("*")):
        relative = path.relative_to(CONTEXT)
        if relative.parts[0] in counted and "__pycache__" not in relative.parts and path.is_file():
            digest.update(f"{relative}\0{path.stat().st_mode & 0o111}\0".encode())
            digest.update(path.read_bytes())
    assert source_digest(CONTEXT) == digest.hexdigest(), "a robot would be sent an image that it has"
