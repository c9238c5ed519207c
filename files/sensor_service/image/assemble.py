"""Puts together the files of the image, on the machine that builds, for the machine that runs.

    assemble.py SOURCE TARGET IMAGE

SOURCE holds `sensor_service/` and `start.py`, TARGET is `/usr/local` of the target's CPython image. IMAGE is filled:
`interpreter/` and `application/` are what the image's two layers add to its root.
Nothing of TARGET is executed: both Pythons are of the same version, so that the build machine's compiler makes code
that the target's interpreter runs, on every architecture.

The standard library is pruned to what the service imports: it is started here, makes a scrape in both formats, and is
asked what it has loaded. A collector that needs one module more brings it along by importing it at its top.
Files are compiled, without docstrings, and the sources left behind; times are fixed, so that equal sources make equal
layers.
"""

import os
import py_compile
import shutil
import subprocess
import sys
from pathlib import Path

VERSION = f"python{sys.version_info.major}.{sys.version_info.minor}"
# Loaded by the interpreter itself where the locale or a name asks for it, and its landmark.
ALWAYS = ("os", "encodings.ascii", "encodings.latin_1", "encodings.utf_8")
PROBE = """
import sys
sys.path.insert(0, sys.argv[1])
from sensor_service import __main__, catalogue, exposition, output, robot
found = output.Output()
for collect in catalogue.COLLECTORS.values():
    try:
        collect(robot.Robot("/proc", "/sys", {"/": "/"}), found)
    except Exception as error:
        found.fault("probe", error)
families = exposition.merge([found.families])
assert exposition.render(families, True) and exposition.render(families, False)
print("\\n".join(name for name in sys.modules if not name.startswith("sensor_service")))
"""


def loaded_modules(source: Path) -> list[str]:
    """Returns the names of the modules that the service loads, its own left out."""
    command = [sys.executable, "-E", "-s", "-S", "-B", "-c", PROBE, str(source)]
    return subprocess.run(command, check=True, capture_output=True, text=True).stdout.split()


def compile_file(source: Path, target: Path, shown: str) -> None:
    """Compiles a file to where Python finds code without sources; `shown` is its name in tracebacks."""
    target.parent.mkdir(parents=True, exist_ok=True)
    mode = py_compile.PycInvalidationMode.UNCHECKED_HASH
    py_compile.compile(str(source), str(target), dfile=shown, doraise=True, optimize=2, invalidation_mode=mode)


def copy_module(name: str, library: Path, image: Path) -> None:
    """Copies a module of the standard library: compiled Python, or the target's own shared object.

    A name that has neither is built into the interpreter.
    """
    parts = name.split(".")
    for relative in (Path(*parts).with_suffix(".py"), Path(*parts, "__init__.py")):
        if (library / relative).is_file():
            compile_file(library / relative, (image / relative).with_suffix(".pyc"), f"{VERSION}/{relative}")
    for shared in (library / "lib-dynload").glob(f"{name}.*.so"):
        shutil.copy(shared, image / "lib-dynload")


def copy_interpreter(target: Path, image: Path) -> None:
    """Copies the interpreter and its library."""
    (image / "bin").mkdir(parents=True)
    shutil.copy(target / "bin" / VERSION, image / "bin")
    for library in (target / "lib").glob(f"lib{VERSION}.so*"):
        if not library.is_symlink():
            shutil.copy(library, image / "lib")


def fix_times_and_modes(root: Path) -> None:
    """Sets every time to SOURCE_DATE_EPOCH (or 0) and every mode to what everyone may read."""
    moment = int(os.environ.get("SOURCE_DATE_EPOCH") or 0)
    for path in [root, *root.rglob("*")]:
        executable = path.is_dir() or path.parent.name == "bin"
        path.chmod(0o755 if executable else 0o644)
        os.utime(path, (moment, moment))


def main(source: Path, target: Path, image: Path) -> None:
    """Fills IMAGE."""
    local = image / "interpreter" / "usr" / "local"
    library = local / "lib" / VERSION
    (library / "lib-dynload").mkdir(parents=True)
    copy_interpreter(target, local)
    for name in sorted({*loaded_modules(source), *ALWAYS}):
        copy_module(name, target / "lib" / VERSION, library)
    for path in sorted(source.rglob("*.py")):
        relative = path.relative_to(source)
        compile_file(path, (image / "application" / "app" / relative).with_suffix(".pyc"), f"/app/{relative}")
    fix_times_and_modes(image)


if __name__ == "__main__":
    main(*(Path(argument) for argument in sys.argv[1:4]))
