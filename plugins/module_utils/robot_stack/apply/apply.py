"""Does the steps of a plan. A container that does not become healthy is put back as it was, data untouched."""

from __future__ import annotations

import os
import shutil
import time
from collections.abc import Iterable, Mapping
from contextlib import suppress
from dataclasses import dataclass, field, replace
from functools import singledispatchmethod
from pathlib import Path
from typing import Callable

from ..base import files
from ..base.folder import Folder
from ..base.roots import Roots
from ..engine import delivery, staging
from ..engine.protocol import PREFIX, PREVIOUS, Engine, name_of
from ..engine.staging import Archive
from ..host import platforms, systemd
from ..jobs import setup as jobs_setup
from ..plan import actions
from ..plan.actions import Action
from ..plan.step import Step
from ..records import good_versions, shut_out, state
from ..spec import entry_point, layout
from ..spec.model import Service, Stack
from ..spec.needs import Need
from ..watchdog import setup as watchdog_setup
from . import image_retention, rename_data, teardown
from .replacement import Replacement, ServiceFailedError
from .takeover import Takeover, ended

__all__ = ["Applier", "Archive", "ServiceFailedError", "Tell", "nobody"]

Tell = Callable[[str], None]


def nobody(_words: str) -> None:
    """Tell nobody of a change."""


@dataclass
class Applier:
    """Everything that the steps need; ``archives`` are by image reference.

    ``otherwise`` tells, by a step's action and subject, of what was done in another way than planned.
    """

    stack: Stack
    roots: Roots
    engine: Engine
    archives: Mapping[str, Archive]
    run: systemd.Run = systemd.run
    clock: Callable[[], float] = time.time
    pause: Callable[[float], None] = time.sleep
    audit: Tell = nobody
    otherwise: dict[tuple[type[Action], str], Step] = field(default_factory=dict)
    takeover: Takeover = field(default_factory=Takeover)

    def apply(self, steps: list[Step]) -> None:
        """Do ``steps`` in their order; one whose needs the controller has not met is left for the next call."""
        for step in steps:
            if not self.lacks(step):
                self._do(step)

    def _do(self, step: Step) -> None:
        try:
            self._act(step.action, step)
        except BaseException:  # a part of it may be done: it is told, too
            self.audit(f"{step.summary}: failed")
            raise
        self.audit(self.as_done(step).summary)

    def as_done(self, step: Step) -> Step:
        """Return a step that was done as it was done, which may differ from its plan."""
        return self.otherwise.get((type(step.action), step.subject), step)

    def lacks(self, step: Step) -> bool:
        """Whether the controller must do or bring something before ``step`` can be done."""
        return step.need is not None and getattr(step.need, "reference", None) not in self.archives

    @singledispatchmethod
    def _act(self, action: Action, step: Step) -> None:
        """Do a step, by the method below whose first argument is of its action's class."""
        raise TypeError(f"step '{step.summary}' cannot be done on the robot: {type(action).__name__}")

    @property
    def _root(self) -> Path:
        return self.roots.path(self.stack.budget.root)

    def remember(self, change: Callable[[state.State], state.State]) -> None:
        """Change the robot's state file."""
        socket = watchdog_setup.socket_told(self._root)
        before = state.of_kind(state.load(self._root), self.stack.engine.kind, socket)
        after = change(before)
        if after != before:
            state.save(after, self._root)

    @_act.register
    def _write(self, action: actions.WriteFile, _step: Step) -> None:
        files.write(action.file, self.roots.filesystem)

    @_act.register
    def _write_service_file(self, action: actions.WriteServiceFile, step: Step) -> None:
        self._private_parent(step.subject)
        files.write(self._with_shut_out(self._service(step), action.file), self.roots.filesystem)

    def _with_shut_out(self, service: Service, file: files.DesiredFile) -> files.DesiredFile:
        """Whoever is shut out of an entry point stays so when its file is written anew."""
        if not service.shares.file or not file.path.endswith(f"/{service.shares.file}"):
            return file
        names = shut_out.load(self._root).names
        return replace(file, content=entry_point.closed(file.content, service.shares.backend, names))

    @_act.register
    def _write_engine_file(self, action: actions.WriteEngineFile, step: Step) -> None:
        if action.before:  # first of all: nothing else would know what was there
            self._keep(step.subject, action.before)
        # said before the engine is there: an interrupted run must know whose it is
        self.owns(self.stack.engine.packages)
        files.write(action.file, self.roots.filesystem)

    def owns(self, packages: Iterable[str]) -> None:
        """Remember packages of the engine as ours, beside those that another list has named before."""
        names = platforms.find(self.roots).bare(packages)
        self.remember(lambda s: replace(s, engine_packages=list(dict.fromkeys([*s.engine_packages, *names]))))

    def _keep(self, path: str, found: files.FoundFile) -> None:
        """Copy an owner's file, once: what a later run finds in its place is ours."""
        kept = layout.before_path(self.stack)
        if not self.roots.path(kept).exists():
            self._copy(path, kept, found)

    @_act.register
    def _put_back(self, action: actions.PutBack, step: Step) -> None:
        kept = layout.before_path(self.stack)
        self._copy(kept if self.roots.path(kept).exists() else step.subject, step.subject, action.before)
        if action.forget:
            self.roots.path(kept).unlink(missing_ok=True)

    def _copy(self, source: str, target: str, found: files.FoundFile) -> None:
        """Write what was ``found`` at ``source``, the time of its last change included."""
        path = self.roots.path(source)
        changed_at = path.stat().st_mtime_ns if path.exists() else None
        copy = files.DesiredFile(target, found.content or "", found.mode, found.uid, found.gid)
        files.write(copy, self.roots.filesystem, changed_at)

    def _private_parent(self, service: str) -> None:
        """Only root may list the versions of a service's files: their names are digests of what they hold."""
        parent = self.roots.path(f"{self.stack.budget.root}/{service}/config")
        files.make_folders(parent)
        parent.chmod(0o700)

    @_act.register
    def _make_slice(self, action: actions.MakeSlice, step: Step) -> None:
        files.write(action.unit, self.roots.filesystem)
        for path in action.drop_ins:
            self.roots.path(path).unlink(missing_ok=True)
        if action.masked:
            systemd.unmask(self.run, step.subject)
        self.run(["systemctl", "daemon-reload"])
        self.run(["systemctl", "enable", "--quiet", "--now", step.subject])
        limit = next((x[10:] for x in action.unit.content.splitlines() if x.startswith("MemoryMax=")), "infinity")
        # a unit that runs already keeps its old limit until it is told
        self.run(["systemctl", "set-property", "--runtime", step.subject, f"MemoryMax={limit}"])

    @_act.register
    def _drop_slice(self, _action: actions.DropSlice, step: Step) -> None:
        teardown.drop_slice(self.roots, self.run, self.stack.budget.slice, step.subject)

    @_act.register
    def _install_watchdog(self, action: actions.InstallWatchdog, step: Step) -> None:
        if action.masked:
            systemd.unmask(self.run, step.subject)
        watchdog_setup.install(self.stack, self.roots, self.run)

    @_act.register
    def _remove_watchdog(self, _action: actions.RemoveWatchdog, _step: Step) -> None:
        watchdog_setup.drop(self.roots, self.run)

    @_act.register
    def _enable_engine(self, action: actions.EnableEngine, step: Step) -> None:
        """What was not ours to enable is put back by a removal: that is noted before it is done."""
        self.remember(lambda s: s if s.engine_packages else replace(s, enabled_unit=step.subject))
        for unit in action.masked:
            systemd.unmask(self.run, unit)
        self.run(["systemctl", "enable", "--quiet", step.subject])

    @_act.register
    def _disable_engine(self, _action: actions.DisableEngine, step: Step) -> None:
        self.run(["systemctl", "disable", "--quiet", step.subject])

    @_act.register
    def _restart_engine(self, action: actions.RestartEngine, _step: Step) -> None:
        self.run(["systemctl", "daemon-reload"])
        try:
            for unit in self.engine.driver.units:
                self.run(["systemctl", "restart", unit])
        except systemd.CommandError:
            return  # the next look at the robot tells why, in the engine's own words
        self.remember(lambda s: replace(s, engine_configuration=action.configuration))

    def bring_images(self, steps: list[Step]) -> list[Need]:
        """Load or pull every image before anything is replaced; return what the controller must send again, whole."""
        again: list[Need] = []
        for step in steps:
            if isinstance(step.action, actions.BringImage):
                try:
                    self._do(step)
                except delivery.ThinArchiveRefusedError as refused:
                    if step.action.need:
                        again.append(replace(step.action.need, whole=True, why=str(refused)))
        return again

    @_act.register
    def _bring_image(self, action: actions.BringImage, _step: Step) -> None:
        reference = action.reference
        replaced = self._replaced(reference)
        if action.need:
            delivery.load(self.engine, self.roots.filesystem, self.archives[reference], reference, action.fingerprint)
        else:
            delivery.pull(self.engine, reference, self.stack.registry)
        self.remember(lambda s: image_retention.delivered(s, reference, replaced))

    @_act.register
    def _name_image(self, action: actions.NameImage, _step: Step) -> None:
        reference = action.reference
        replaced = self._replaced(reference)
        self.engine.tag(action.id, reference)
        self.remember(lambda s: image_retention.delivered(s, reference, replaced))

    @_act.register
    def _remove_image(self, _action: actions.RemoveImage, step: Step) -> None:
        self.engine.remove_image(step.subject)

    def _replaced(self, reference: str) -> str:
        """Return the image (id) that is about to lose its name, "" where there is none; what is ours is kept."""
        image = self.engine.image(reference)
        replaced = image.id if image else ""
        image_retention.keep(state.load(self._root), self.engine, reference, replaced)
        self.remember(lambda s: image_retention.awaited(s, reference, replaced))
        return replaced

    def clean(self) -> None:
        """Leave nothing behind that this or an interrupted run brought and nothing needs any more."""
        staging.clear(self._root)
        # a job's image runs in no container, and a version to go back to does not name it
        declared = [service.image for service in self.stack.services]
        declared += jobs_setup.images(self.stack, self.roots, self.engine.driver)
        good = good_versions.images_needed(good_versions.load(self._root))
        self.remember(lambda s: image_retention.prune(s, self.engine, declared, good) if s.images else s)

    @_act.register
    def _own_data(self, action: actions.OwnData, step: Step) -> None:
        uid, gid = self._service(step).uid_gid
        path = self.roots.path(action.path)
        files.make_folders(path)
        # what another owner was given by hand includes, as a rule, everything below; the service may be at work there
        with Folder.at(path) as top:
            os.fchmod(top.descriptor, layout.DATA_MODE)
            os.fchown(top.descriptor, uid, gid)
            for folder, name, status in top.walk():
                if (status.st_uid, status.st_gid) != (uid, gid):
                    with suppress(FileNotFoundError):
                        folder.own(name, uid, gid)

    @_act.register
    def _put_folder_right(self, action: actions.PutFolderRight, _step: Step) -> None:
        files.put_right(action.folder, self.roots.filesystem)

    def _service(self, step: Step) -> Service:
        service = self.stack.service(step.subject)
        if service is None:
            raise ValueError(f"service '{step.subject}' is not declared")
        return service

    def _replacement(self, step: Step) -> Replacement:
        service = self._service(step)
        return Replacement(
            service,
            self.engine,
            self.clock,
            self._remember_container,
            self.pause,
            lambda: rename_data.take(self.stack, service, self.roots),
            self.stack.budget.root,
        )

    @_act.register
    def _make_container(self, action: actions.MakeContainer, step: Step) -> None:
        replacement = self._replacement(step)
        self.takeover.of(step.subject, lambda: replacement.make(action.request))

    @_act.register
    def _settle(self, _action: actions.SettleReplacement, step: Step) -> None:
        self._replacement(step).settle()

    @_act.register
    def _remove_directory(self, action: actions.RemoveDirectory, step: Step) -> None:
        if action.unmount:
            teardown.unmount_below(self.roots, self.run, step.subject)
        teardown.drop_directory(self.roots, step.subject)

    @_act.register
    def _keep_store(self, _action: actions.KeepStore, _step: Step) -> None:
        """It is told of, as what was done is."""

    @_act.register
    def _remove_file(self, _action: actions.RemoveFile, step: Step) -> None:
        self.roots.path(step.subject).unlink(missing_ok=True)

    @_act.register
    def _remove_root(self, _action: actions.RemoveRoot, step: Step) -> None:
        teardown.drop_root(self.roots, step.subject)

    @_act.register
    def _start(self, action: actions.StartContainer, step: Step) -> None:
        """Start what is as declared; what the engine refuses to start is made anew."""
        refused = self._replacement(step).start()
        if refused:
            words = f"recreate container {name_of(step.subject)}: it could not be started ({refused})"
            self._replacement(step).make(action.request)
            self.otherwise[type(action), step.subject] = replace(step, summary=words)
            return
        found, known = self.engine.inspect(name_of(step.subject)), state.load(self._root).services.get(step.subject)
        if found and (known is None or found.id not in (known.container, known.made)):
            self._remember_container(self._service(step), "")  # made by a run that was cut off before it remembered

    @_act.register
    def _stop_container(self, _action: actions.StopContainer, step: Step) -> None:
        self.engine.stop(name_of(step.subject), self._service(step).stop_timeout_seconds)

    def _remember_container(self, service: Service, image_before: str) -> None:
        found = self.engine.inspect(name_of(service.name))
        identity, image = (found.id, found.image) if found else ("", "")
        record = state.ServiceRecord(container=identity, made=identity, deployed_at=self.clock())
        self.remember(
            lambda s: image_retention.ran(s.with_service(service.name, record), service.name, image, image_before)
        )
        jobs_setup.follow(self.stack, service, self.roots)
        self._forget_old_files(service)

    def _forget_old_files(self, service: Service) -> None:
        current = self.roots.path(layout.config_directory(self.stack, service))
        versions = current.parent.iterdir() if current.parent.is_dir() else ()
        for version in list(versions):
            if version != current:
                shutil.rmtree(version)

    @_act.register
    def _remove_orphan(self, _action: actions.RemoveOrphan, step: Step) -> None:
        if not step.subject.endswith(PREVIOUS):
            self._watch_no_more(step.subject[len(PREFIX) :])
        ended(self.engine, step.subject)

    @_act.register
    def _unwatch(self, _action: actions.Unwatch, step: Step) -> None:
        self._watch_no_more(step.subject)

    def _watch_no_more(self, service: str) -> None:
        """Before its container goes: where that is cut off, the next run sees the container, and does it again."""
        self.remember(lambda s: s.without_history(service))
        watchdog_setup.forget(self.stack, self.roots, service)

    @_act.register
    def _remove_service(self, _action: actions.RemoveService, step: Step) -> None:
        found = self.engine.inspect(step.subject)
        if found:  # first: where it is cut off, the next run sees the container
            watchdog_setup.forget(self.stack, self.roots, found.service)
        service = ended(self.engine, step.subject)
        self.remember(lambda s: s.without_service(service))
        good_versions.save(good_versions.without(good_versions.load(self._root), [service]), self._root)

    @_act.register
    def _install_job(self, _action: actions.InstallJob, step: Step) -> None:
        jobs_setup.install(self.stack, step.subject, self.run)

    @_act.register
    def _drop_job(self, action: actions.DropJob, step: Step) -> None:
        jobs_setup.drop(self.stack, step.subject, self.roots, self.run, action.settings)

    @_act.register
    def _remove_left_container(self, _action: actions.RemoveLeftContainer, step: Step) -> None:
        self.takeover.end(step.subject)

    @_act.register
    def _remove_left_image(self, _action: actions.RemoveLeftImage, step: Step) -> None:
        self.takeover.remove_image(step.subject)

    @_act.register
    def _forget_engine(self, action: actions.ForgetEngine, _step: Step) -> None:
        self.remember(lambda known: state.without_former(known, action.units))

    @_act.register
    def _restart_outside(self, action: actions.RestartOutside, _step: Step) -> None:
        self.run(["systemctl", "daemon-reload"])
        for unit in action.units:
            self.run(["systemctl", "restart", unit])
        self.remember(lambda s: replace(s, engine_configuration=""))
