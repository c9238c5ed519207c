"""Reads everything that the plan depends on. Changes nothing; a bare robot (no engine yet) is a valid answer."""

from __future__ import annotations

import os
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path, PurePosixPath

from ..base import files, program
from ..base.roots import Roots
from ..engine import staging
from ..engine.inventory import (
    containers_of,
    foreign,
    foreign_images,
    foreign_volumes,
    images_of,
    running_images,
    with_kernel_limits,
)
from ..engine.protocol import Driver, Engine, FoundContainer, FoundImage, name_of, unit_of
from ..host import accounts, cgroup, disk_space, facts, kernel_cmdline, mounts, procfs, systemd, units
from ..jobs import setup as jobs_setup
from ..records import good_versions, job_record, rebuild, record_file, samples, shut_out, state
from ..records.record_file import Problem
from ..spec import layout
from ..spec.model import Stack
from ..watchdog import own_program
from ..watchdog import setup as watchdog_setup
from . import found_engine, found_jobs, found_left, found_users
from .found_engine import FoundEngine
from .found_jobs import FoundJobs
from .found_left import Left

__all__ = ["FoundEngine", "Observed", "observe"]


@dataclass(frozen=True)
class Observed:
    """One look at the robot."""

    robot: facts.Robot
    state: state.State
    engine: FoundEngine
    driver: Driver
    containers: Mapping[str, FoundContainer]  # by container name
    images: Mapping[str, FoundImage]  # by reference
    found_files: Mapping[str, files.FoundFile | None]  # by absolute path
    running_files: Mapping[str, files.FoundFile | None]  # by "service/path": what its container uses now
    slice_limits: Mapping[str, int | None]  # by slice: bytes in the kernel, None: not there or no limit
    data_owners: Mapping[str, list[int] | None]  # by absolute path: [uid, gid], None: not there
    foreign_containers: list[str]  # names of what else runs on this engine
    delivered_images: list[
        str
    ]  # references of ours that the engine holds; for a removal also ids of what it keeps for us
    own_directories: Mapping[str, list[str]]  # below the root: name -> its own entries, as "name/entry"
    own_units: list[str]  # slices of ours in /etc/systemd/system, sorted
    own_state: bool
    engine_data: bool
    running_images: Mapping[str, FoundImage] = field(default_factory=dict)  # by service: what its container is made of
    watchdog_program: str = ""  # its digest, "": not there
    watchdog_silent_seconds: float | None = None
    own_watchdog: bool = False
    watched: list[str] = field(default_factory=list)  # the services that the watchdog looks after
    own_records: list[str] = field(default_factory=list)  # files below the root that a removal forgets, but the state
    record_problems: list[Problem] = field(default_factory=list)  # what of our own files could not be believed
    boot_file: str = ""
    boot_line: str = ""
    boot_file_changed_at: float = 0.0  # seconds since 1970, as the next two
    booted_at: float = 0.0
    running_boot_line: str = ""  # what the kernel was started with
    disks: Mapping[str, disk_space.Disk] = field(default_factory=dict)  # by absolute path: the root, the store, data
    data_used: Mapping[str, int] = field(default_factory=dict)  # by service: bytes of its data
    store: str = ""  # where the engine keeps its images
    absent_mounts: list[str] = field(default_factory=list)  # what services show to their containers and is not here
    read_only: Mapping[str, list[str]] = field(
        default_factory=dict
    )  # by mount point: what of ours is, or will be, there
    forgetful: Mapping[str, list[str]] = field(default_factory=dict)  # the same of mount points that are in RAM
    holders: accounts.Holders = field(default_factory=accounts.Holders)  # who else has our services' numbers here
    foreign_volumes: list[str] = field(default_factory=list)  # looked for where the engine is to go
    foreign_images: list[str] = field(default_factory=list)  # by name; looked for where our engine is to go
    engine_users: list[str] = field(default_factory=list)  # who else needs our engine; looked for where it is to go
    store_holds: list[str] = field(default_factory=list)  # of others, where no engine is there to tell of it
    found_folders: Mapping[str, files.FoundFolder | None] = field(default_factory=dict)  # by absolute path
    settings_before: files.FoundFile | None = None  # what an owner had left for the engine, kept or about to be
    own_root: bool = False  # nothing of anybody else's is in it
    units: Mapping[str, units.Unit] = field(default_factory=dict)  # what systemd says of the timers and the slices
    slice_drop_ins: Mapping[str, Mapping[str, str]] = field(default_factory=dict)  # by slice: path -> what others say
    jobs: FoundJobs = field(default_factory=FoundJobs)
    lies: Mapping[str, str] = field(default_factory=dict)  # by path as written: where it leads, of what shall stay
    left: Left | None = None  # what is still on an engine of another kind, which the robot had before

    @property
    def ours(self) -> bool:
        """Whether this project installed the engine (or was about to)."""
        return bool(self.state.engine_packages)

    @property
    def own_engine(self) -> bool:
        """Whether the engine is this project's, or will be because there is none."""
        return _own_engine(self.state, self.engine)


def observe(
    stack: Stack, roots: Roots, engine: Engine, run: systemd.Run | None = None, other: Engine | None = None
) -> Observed:
    """Look at the robot once; ``run`` starts programs that tell something. Raises `CommandError`.

    ``other`` is the engine of another kind that the robot may have had before.
    """
    here = facts.here(stack.budget.root, roots)
    driver, kept = _driver(stack, roots, engine.driver)
    remembered, problems = _remembered(stack, roots, driver)
    told = _units(stack, here, [driver, *([other.driver] if other else [])], run)
    engines_own = {name: told[name] for name in (*driver.needs, *driver.units) if name in told}
    found = found_engine.find(stack, roots, engine, driver, remembered, engines_own, run)
    store = roots.real(found.info.store if found.info else driver.store(stack, roots))
    containers = containers_of(stack, engine) if found.running else _without_engine(stack, engine, found)
    containers = with_kernel_limits(containers, stack.budget.slice, roots, here.hierarchy)
    images = images_of(stack, engine) if found.running else {}
    remembered, problems = _rebuilt(stack, roots, remembered, problems, (containers, images))
    own_engine = _own_engine(remembered, found)
    boot = (
        kernel_cmdline.boot_file(stack.controller.boot_files, roots.filesystem) if not here.hierarchy.version else None
    )
    own, jobs = _own_directories(stack, roots, remembered, containers), found_jobs.find(stack, roots, run)
    left = found_left.find(stack, roots, other, remembered, told)
    written = _written(stack, own_engine, engine.driver, store, found.missing_packages)
    return Observed(
        robot=here,
        state=remembered,
        engine=found,
        driver=driver,
        containers=containers,
        images=images,
        running_images=running_images(stack, engine, containers, images) if found.running else {},
        found_files={
            path: files.find(roots.path(path)) for path in _paths(stack, here.hierarchy.version, own_engine, driver)
        },
        running_files=_running_files(stack, roots, containers),
        slice_limits=_slice_limits(stack, here.hierarchy, own_engine),
        slice_drop_ins={name: systemd.memory_drop_ins(name, roots) for name in systemd.slice_names(stack, own_engine)},
        data_owners=_data_owners(stack, roots),
        foreign_containers=foreign(engine, containers, stack.remove_engine) if found.running else [],
        foreign_volumes=foreign_volumes(engine, containers) if found.running and stack.remove_engine else [],
        foreign_images=_foreign_images(stack, roots, engine, remembered, containers) if found.running else [],
        engine_users=_engine_users(stack, roots, driver, store, remembered) if found.installed else [],
        store_holds=[] if found.installed else _store_holds(stack, roots, driver, store, remembered),
        delivered_images=_delivered(stack, engine, remembered) if found.running else [],
        own_directories=own,
        own_units=_own_units(stack, roots),
        own_state=(roots.path(stack.budget.root) / state.FILE).exists(),
        store=store,
        engine_data=_holds_anything(roots.path(store)),
        watchdog_program=_watchdog_program(stack, roots),
        watchdog_silent_seconds=watchdog_setup.silent_seconds(roots),
        own_records=_own_records(roots.path(stack.budget.root)),
        record_problems=[
            *problems,
            *good_versions.read(roots.path(stack.budget.root))[1],
            *samples.read(roots.path(samples.DIRECTORY))[1],
            *shut_out.read(roots.path(stack.budget.root))[1],
        ],
        own_watchdog=roots.path(f"{systemd.UNITS}/{watchdog_setup.TIMER}").exists(),
        watched=watchdog_setup.watched(stack, roots),
        boot_file="/" + str(boot.relative_to(roots.filesystem)) if boot else "",
        boot_line=boot.read_text(encoding="utf-8") if boot else "",
        boot_file_changed_at=boot.stat().st_mtime if boot else 0.0,
        booted_at=procfs.booted_at(roots.proc),
        running_boot_line=procfs.boot_line(roots.proc),
        disks={**_disks(["/", store, stack.budget.root, *layout.data_paths(stack)], roots), **jobs.disks},
        jobs=jobs,
        data_used=_data_used(stack, roots),
        holders=accounts.holders([service.uid_gid for service in stack.scoped_services], roots),
        read_only=mounts.read_only([*written, samples.DIRECTORY], roots),
        forgetful=mounts.forgetful(written, roots),
        units=told,
        settings_before=kept,
        left=left,
        lies=_lies(stack, roots, [store, left.store if left else ""]),
        found_folders=_found_folders(stack, roots),
        own_root=_own_root(roots.path(stack.budget.root), own),
        absent_mounts=sorted(
            {
                mount.source
                for service in stack.scoped_services
                for mount in service.mounts
                if not roots.path(mount.source).exists()
            }
        ),
    )


def _driver(stack: Stack, roots: Roots, driver: Driver) -> tuple[Driver, files.FoundFile | None]:
    """Return the driver with the settings that an owner had left for an engine, and the file as it was."""
    found = {file.path: files.find(roots.path(file.path)) for file in driver.files(stack)}
    if driver.settings_file not in found:  # which stays its owner's
        return driver, None
    kept = files.find(roots.path(layout.before_path(stack)))
    known = state.of_kind(state.load(roots.path(stack.budget.root)), stack.engine.kind)
    if kept is None and not (driver.installed(roots) or known.engine_packages):
        kept = None if rebuild.engine_is_ours(stack, driver, found) else found[driver.settings_file]
    return driver.keeping(kept), kept


def _remembered(stack: Stack, roots: Roots, driver: Driver) -> tuple[state.State, list[Problem]]:
    """Return the state, with the engine as ours where the robot says so, and what could not be believed of it."""
    root = roots.path(stack.budget.root)
    known, problems = state.read(root)
    known = state.of_kind(known, stack.engine.kind, watchdog_setup.socket_told(root))
    found = {file.path: files.find(roots.path(file.path)) for file in driver.files(stack)}
    owned = rebuild.with_engine(known, stack, driver, found)
    if owned != known and state.there(root) and not problems:
        problems = [Problem(state.FILE, rebuild.OWNER)]
    return owned, problems


def _rebuilt(
    stack: Stack,
    roots: Roots,
    known: state.State,
    problems: list[Problem],
    found: tuple[Mapping[str, FoundContainer], Mapping[str, FoundImage]],
) -> tuple[state.State, list[Problem]]:
    """Return the state with what the robot tells of what the file should have told."""
    there = state.there(roots.path(stack.budget.root))
    if there and not problems:
        return known, problems
    containers, images = found
    rebuilt = rebuild.with_containers(known, containers, {name: one.id for name, one in images.items()})
    if not there and (rebuilt.engine_packages or rebuilt.services):
        problems = [Problem(state.FILE, "is gone, and what it told of is still here"), *problems]
    return rebuilt if problems else known, problems


def _own_records(root: Path) -> list[str]:
    """Return the names of the good versions' files, and of what was set aside of any."""
    aside = [name for file in (*good_versions.FILES, state.FILE) for name in record_file.aside(root, file)]
    return [name for name in good_versions.FILES if os.path.lexists(root / name)] + aside


def _without_engine(stack: Stack, engine: Engine, found: FoundEngine) -> dict[str, FoundContainer]:
    """Return what a removal takes where the engine is gone: units of systemd's, which would start with the next one."""
    left = stack.state == "absent" and not found.installed and not engine.driver.units
    return {one.name: one for one in engine.owned()} if left else {}


def _own_engine(remembered: state.State, found: FoundEngine) -> bool:
    return bool(remembered.engine_packages) or not (found.installed or found.running)


def _units(
    stack: Stack, here: facts.Robot, drivers: Sequence[Driver], run: systemd.Run | None
) -> dict[str, units.Unit]:
    """Return what systemd says of every unit that the stack stands on; a robot without systemd is refused later."""
    timers = [jobs_setup.unit_name(job.name, "timer") for job in jobs_setup.timed(stack)]
    names = [name for driver in drivers for name in (*driver.needs, *driver.units)]
    names += [watchdog_setup.TIMER, *timers, *systemd.slice_names(stack, own_engine=True)]
    return units.observe(names, run) if here.systemd else {}


def _disks(paths: Sequence[str], roots: Roots) -> dict[str, disk_space.Disk]:
    return {path: disk_space.of(roots.path(path)) for path in paths}


def _data_used(stack: Stack, roots: Roots) -> dict[str, int]:
    """Return what the data of each service that says how much it may need occupies already."""
    found = {}
    for service in stack.scoped_services:
        if service.disk_mib:
            paths = [layout.data_path(stack, service, directory.name) for directory in service.data]
            found[service.name] = sum(disk_space.used(roots.path(path)) for path in paths)
    return found


def _delivered(stack: Stack, engine: Engine, remembered: state.State) -> list[str]:
    known = [reference for reference in remembered.images if engine.image_id(reference)]
    # whatever is remembered of them
    kept = engine.kept_images() if stack.state == "absent" and not stack.scope else []
    return [*known, *(identity for identity in kept if identity not in known)]


def _foreign_images(
    stack: Stack, roots: Roots, engine: Engine, remembered: state.State, containers: Mapping[str, FoundContainer]
) -> list[str]:
    """Return the images of others on an engine of ours that is to go: as a rule, of one that was here before it."""
    if not (stack.remove_engine and remembered.engine_packages):
        return []
    ours = {*remembered.images, *(service.image for service in stack.services)}
    ours |= {identity for history in remembered.image_history.values() for identity in history}
    ours |= good_versions.images_needed(good_versions.load(roots.path(stack.budget.root)))
    ours |= {container.image for container in containers.values() if container.image}
    return foreign_images(engine, sorted(ours))


def _goes(stack: Stack, remembered: state.State) -> bool:
    return stack.remove_engine and bool(remembered.engine_packages)


def _engine_users(stack: Stack, roots: Roots, driver: Driver, store: str, remembered: state.State) -> list[str]:
    packages = remembered.engine_packages
    return found_users.find(driver, packages, store, roots) if _goes(stack, remembered) else []


def _store_holds(stack: Stack, roots: Roots, driver: Driver, store: str, remembered: state.State) -> list[str]:
    ours = {*remembered.images, *(service.image for service in stack.services)}
    return driver.held(store, ours, roots) if _goes(stack, remembered) else []


def _own_directories(
    stack: Stack, roots: Roots, remembered: state.State, containers: Mapping[str, FoundContainer]
) -> dict[str, list[str]]:
    """Return our directories below the root: of services that are or were there, of archives, of the watchdog.

    The root may be a disk that holds other people's folders as well.
    """
    root = roots.path(stack.budget.root)
    if not root.is_dir():
        return {}
    names = {staging.DIRECTORY, own_program.NAME, *remembered.services}
    names |= {service.name for service in stack.services} | {job_record.FOLDER, *jobs_setup.found(stack, roots)}
    names |= {name for one in good_versions.load(root) for name in one.services}
    names |= {container.service for container in containers.values()}
    entries = sorted(entry for entry in root.iterdir() if entry.name in names and entry.is_dir())
    return {entry.name: sorted(f"{entry.name}/{child.name}" for child in entry.iterdir()) for entry in entries}


def _found_folders(stack: Stack, roots: Roots) -> dict[str, files.FoundFolder | None]:
    wanted = [files.DesiredFolder(stack.budget.root), *watchdog_setup.folders(stack), *jobs_setup.folders(stack)]
    wanted += [folder for service in stack.scoped_services for folder in layout.folders(stack, service)]
    return {folder.path: files.find_folder(roots.path(folder.path)) for folder in wanted}


def _own_root(root: Path, own: Mapping[str, list[str]]) -> bool:
    """Whether the root is a folder that we made: no disk, and with nothing of other people in it."""
    ours = {*own, state.FILE, *good_versions.FILES, layout.BEFORE}
    return root.is_dir() and not root.is_mount() and all(_own_name(one.name, ours) for one in root.iterdir())


def _own_name(name: str, ours: Collection[str]) -> bool:
    """Whether that is one of ``ours``, or what of a file was set aside, or was left of a write that was cut off."""
    return name in ours or name.partition(record_file.ASIDE)[0] in ours or name.startswith(files.PARTIAL)


def _holds_anything(directory: Path) -> bool:
    return directory.is_dir() and any(directory.iterdir())


def _own_units(stack: Stack, roots: Roots) -> list[str]:
    directory, prefix = roots.path(systemd.UNITS), stack.budget.slice[: -len(".slice")]
    if not directory.is_dir():
        return []
    return sorted({path.name for path in [*directory.glob(f"{prefix}.slice"), *directory.glob(f"{prefix}-*.slice")]})


def _paths(stack: Stack, cgroup_version: int, own_engine: bool, driver: Driver) -> list[str]:
    desired = systemd.slice_units(stack, cgroup_version, own_engine, driver.units) + driver.files(stack)
    desired += watchdog_setup.settings(stack, unit_of(driver), own_engine, driver.writes)
    for service in stack.scoped_services:
        desired += [*layout.config_files(stack, service), watchdog_setup.service_settings(stack, service)]
    of_jobs = [jobs_setup.settings_path(stack.budget.root, job.name) for job in stack.jobs]
    of_jobs += [jobs_setup.program(stack).path] if stack.jobs else []
    of_jobs += [path for job in jobs_setup.timed(stack) for path in jobs_setup.unit_paths(job.name)]
    return [file.path for file in desired] + of_jobs


def _written(stack: Stack, own_engine: bool, driver: Driver, store: str, missing: Sequence[str]) -> list[str]:
    """Return where a run writes what shall stay: ours, and where the engine is ours, what is the engine's as well."""
    engines = [str(PurePosixPath(driver.settings_file).parent), store] if own_engine else []
    return [stack.budget.root, systemd.UNITS, *driver.writes, *engines, *(["/usr"] if missing else [])]


def _lies(stack: Stack, roots: Roots, stores: Sequence[str]) -> dict[str, str]:
    """Return where what shall stay leads, and the engine's own folders, in which it must not be."""
    folders = [job.job.folder for job in stack.jobs]
    return {path: mounts.real(path, roots) for path in (stack.budget.root, *folders, *stores) if path}


def _watchdog_program(stack: Stack, roots: Roots) -> str:
    there = program.found(roots.path(watchdog_setup.directory(stack)))
    return program.digest(there) if there else ""


def _running_files(
    stack: Stack, roots: Roots, containers: Mapping[str, FoundContainer]
) -> dict[str, files.FoundFile | None]:
    found: dict[str, files.FoundFile | None] = {}
    for service in stack.scoped_services:
        container = containers.get(name_of(service.name))
        for source, target in container.binds if container else ():
            if target == service.config_target:
                for file in service.files:
                    found[f"{service.name}/{file.path}"] = files.find(roots.path(f"{source}/{file.path}"))
    return found


def _slice_limits(stack: Stack, hierarchy: cgroup.Hierarchy, own_engine: bool) -> dict[str, int | None]:
    """Return the kernel's limit for each slice that exists there."""
    parent, found = stack.budget.slice, {}
    for name in systemd.slice_names(stack, own_engine):
        path = f"/{parent}" if name == parent else f"/{parent}/{name}"
        limits = cgroup.limits(hierarchy, path) if hierarchy.version else None
        if limits is not None:
            found[name] = limits.memory
    return found


def _data_owners(stack: Stack, roots: Roots) -> dict[str, list[int] | None]:
    owners: dict[str, list[int] | None] = {}
    for service in stack.scoped_services:
        for directory in service.data:
            path = layout.data_path(stack, service, directory.name)
            owners[path] = _owner(roots.path(path))
    return owners


def _owner(path: Path) -> list[int] | None:
    try:
        status = path.stat()
    except (FileNotFoundError, NotADirectoryError):
        return None
    return [status.st_uid, status.st_gid]
