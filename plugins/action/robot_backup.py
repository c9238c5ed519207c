"""The controller's side of robot_backup: fetches a snapshot in pieces, checks and sends an archive to restore.

Nothing is staged on a robot for a backup: each piece is read, compressed and sent by a short program of its own. So
memory stays small, and the disk is not needed. An archive to restore is staged on the robot's disk, and goes on where
a connection was cut.
"""

from __future__ import annotations

import contextlib
import json
import shlex
import time
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from ansible.errors import AnsibleActionFail, AnsibleError
from ansible_collections.robotfleet.stack.plugins.plugin_utils import operator
from ansible_collections.robotfleet.stack.plugins.plugin_utils.answers.action import RobotAction
from ansible_collections.robotfleet.stack.plugins.plugin_utils.backup.age import AgeError, Recipients
from ansible_collections.robotfleet.stack.plugins.plugin_utils.backup.archive import (
    Backup,
    BackupFileError,
    Writer,
    checked,
    newest,
    sole,
    tar_stream,
)
from ansible_collections.robotfleet.stack.plugins.plugin_utils.backup.pieces import (
    LEFT_FREE,
    Announced,
    PieceError,
    free_bytes,
    piece,
)
from ansible_collections.robotfleet.stack.plugins.plugin_utils.console import say
from ansible_collections.robotfleet.stack.plugins.plugin_utils.needs.connection import ask
from ansible_collections.robotfleet.stack.plugins.plugin_utils.needs.transfer import Sender, SendingError, megabytes

PIECE = 4 << 20  # bytes before compression: what a robot and this machine hold at once
TOLD = 4  # how often progress is told
MODULE = "robotfleet.stack.robot_backup"


class ActionModule(RobotAction):
    """Called by Ansible once per robot."""

    TRANSFERS_FILES = True
    _supports_check_mode = True

    def run(self, tmp: Any = None, task_vars: dict[str, Any] | None = None) -> dict[str, Any]:
        """Save, restore, or look whether what was restored is found."""
        super().run(tmp, task_vars)
        self._variables = task_vars or {}
        self._robot = str(self._variables.get("inventory_hostname", ""))
        self._arguments = dict(self._task.args)
        state, directory = self._arguments.pop("state"), Path(str(self._arguments.pop("directory", "")))
        before = str(self._arguments.pop("directory_before", "") or "")
        named = str(self._arguments.pop("archive", "") or "")
        recipients, identity = self._arguments.pop("recipients", None), self._arguments.pop("identity", None)
        if state == "saved":
            return self._save(directory.expanduser().absolute(), self._readers(recipients))
        try:
            archive = Path(named).expanduser().absolute() if named else self._newest(directory, before)
            backup = checked(archive, str(identity or ""))
        except BackupFileError as error:
            raise AnsibleActionFail(f"{error}; no robot was touched") from None
        return self._restore(backup) if state == "restored" else self._found(backup)

    def _readers(self, recipients: Any) -> Recipients | None:
        try:
            return Recipients.of(recipients)
        except AgeError as error:
            raise AnsibleActionFail(f"{self._robot}: {error}; no robot was touched") from None

    def _newest(self, directory: Path, before: str) -> Path:
        return newest(directory.expanduser(), Path(before).expanduser() if before else None)

    def _save(self, directory: Path, recipients: Recipients | None) -> dict[str, Any]:
        if self._task.check_mode:
            return {"changed": False, "msg": f"{self._robot} would be backed up to {directory}"}
        try:
            with sole(directory):
                return self._saved(directory, recipients)
        except BackupFileError as error:
            raise AnsibleActionFail(f"{self._robot}: {error}; the robot was not touched") from None

    def _saved(self, directory: Path, recipients: Recipients | None) -> dict[str, Any]:
        made = self._step("snapshot")
        own = {"snapshot": str(made.get("snapshot") or "")}  # another controller may have begun meanwhile
        try:
            announced = Announced.of(made, directory, time.time())
            version = str(self._arguments["database"]["version"])
            about = {"robot": self._robot, "version": version, **announced.about}
            with Writer(directory, about, time.time(), recipients) as archive:
                self._fetch(announced, archive, directory)
        except BaseException as error:
            with contextlib.suppress(AnsibleError):  # the next backup drops it, and the database itself after days
                self._step("released", **own)
            if isinstance(error, (PieceError, AgeError)):
                raise AnsibleActionFail(f"{error}; the backup was given up, nothing of it was kept") from None
            raise
        self._step("released", **own)
        sizes = f"{megabytes(archive.size)} ({megabytes(announced.bytes)} unpacked)"
        words = f"{self._robot}: {announced.about['files']} files, {sizes}"
        return {"changed": True, "archive": str(archive.path), "msg": f"{words}, in {archive.path}"}

    def _fetch(self, announced: Announced, archive: Writer, directory: Path) -> None:
        done, told = 0, 0
        while done < announced.bytes:
            if done * TOLD >= announced.bytes * told:
                self._say(f"backing up, {megabytes(done)} of {megabytes(announced.bytes)}")
                told += 1
            wanted = min(PIECE, announced.bytes - done)
            packed = piece(self._answer(announced.where, done, wanted), wanted)
            if free_bytes(directory) - len(packed) < LEFT_FREE:
                raise PieceError(f"the disk of {directory} is full but for {LEFT_FREE >> 20} MiB")
            archive.add(packed)
            done += wanted

    def _answer(self, where: Mapping[str, str], offset: int, length: int) -> bytes:
        asked = json.dumps({**where, "offset": offset, "length": length})
        done = self._low_level_execute_command(
            f"nice -n 19 python3 - {shlex.quote(asked)}",
            sudoable=True,
            in_data=Path(tar_stream.__file__).read_bytes(),
            encoding_errors="surrogateescape",  # what is no text comes through as it is
        )
        if done["rc"]:
            raise AnsibleActionFail(f"the robot could not read its snapshot: {done['stderr'].strip()}")
        return str(done["stdout"]).encode("utf-8", "surrogateescape")

    def _restore(self, backup: Backup) -> dict[str, Any]:
        words = f"{backup.files} files of {backup.about['robot']} ({megabytes(backup.unpacked)}) from {backup.path}"
        sizes = {
            "archive": backup.content.name,
            "archive_bytes": backup.content.size,
            "unpacked_bytes": backup.unpacked,
        }
        staged = self._step("room", **sizes).get("staged") or []
        if self._task.check_mode:
            return {"changed": True, "archive": str(backup.path), "msg": f"{self._robot} would get {words}"}
        self._say(f"restoring {words}")
        sender = Sender(self._as_root, str(self._arguments["root"]), self._say)
        try:
            path = sender.send(backup.content, f"backup {backup.path.name}", staged)
        except (SendingError, AgeError) as error:
            raise AnsibleActionFail(str(error)) from None
        about = {key: backup.about[key] for key in ("moment", "series")}
        self._step("placed", archive=path, digest=backup.digest, **about)
        return {"changed": True, "archive": str(backup.path), "msg": f"{self._robot} has {words}"}

    def _found(self, backup: Backup) -> dict[str, Any]:
        if self._task.check_mode:
            return {"changed": False, "msg": "not asked in check mode"}
        found = self._step("found", **{key: backup.about[key] for key in ("moment", "series")})
        taken = time.strftime("%Y-%m-%d %H:%M:%S UTC", time.gmtime(backup.about["moment"]))
        words = f"finds the {found.get('targets')} targets that had samples at {taken}"
        if not found.get("targets"):
            words = "serves; the backup is too young or too old to be compared with what is found"
        return {"changed": False, "archive": str(backup.path), "msg": f"{self._robot} {words}"}

    def _step(self, state: str, **more: Any) -> dict[str, Any]:
        result = ask(
            self, self._variables, MODULE, {**self._arguments, "operator": operator.told(), "state": state, **more}
        )
        if result.get("failed"):
            raise AnsibleActionFail(str(result.get("msg")), result=result)
        return result

    def _as_root(self, command: str, content: bytes) -> tuple[int, str]:
        done = self._low_level_execute_command(command, sudoable=True, in_data=content)
        return int(done["rc"]), str(done["stderr"] or done["stdout"])

    def _say(self, words: str) -> None:
        say(self._robot, words)
