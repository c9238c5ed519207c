"""Compares a hub's secrets with those of this controller before any is made, and takes out what shall be made anew."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from ansible.errors import AnsibleActionFail
from ansible_collections.robotfleet.stack.plugins.plugin_utils.answers.action import RobotAction
from ansible_collections.robotfleet.stack.plugins.plugin_utils.hub_secrets import folder as folders
from ansible_collections.robotfleet.stack.plugins.plugin_utils.hub_secrets.compare import Wanted, objections, signed
from ansible_collections.robotfleet.stack.plugins.plugin_utils.hub_secrets.folder import CHANGE, Folder, FolderError
from ansible_collections.robotfleet.stack.plugins.plugin_utils.needs.connection import ask

MODULE = "robotfleet.stack.hub_secrets"
RENEW = "telemetry_hub_secrets_renew"


class RefusalError(AnsibleActionFail):
    """A refusal: its message is the whole answer, and is shown once."""

    omit_exception_key = True


class ActionModule(RobotAction):
    """Called by Ansible for each host of the hub, and then once for all of them."""

    TRANSFERS_FILES = False
    _supports_check_mode = True

    def run(self, tmp: Any = None, task_vars: dict[str, Any] | None = None) -> dict[str, Any]:
        """Refuse, where they are to be compared; else return which files were removed from the folder."""
        super().run(tmp, task_vars)
        variables, args = task_vars or {}, self._task.args
        self._hub = str(variables.get("inventory_hostname", ""))
        folder = Folder(Path(str(args["directory"])).expanduser())
        try:
            wanted = self._wanted(args)
            leaving = [wanted.names[user] for user in args.get("leaving") or [] if user in wanted.names]
            if args["state"] == "changed":
                return self._removed(folder, [*wanted.renewed, *leaving])
            self._exchange_is_possible(folder, wanted)
            held = self._asked(folder, wanted, leaving, variables)
            found = objections(folder, wanted, held)
            if found:
                raise RefusalError(self._told(folder, found))
            self._exchange_is_over(folder, str(held.get("certificates") or ""))
            return {"changed": False}
        except OSError as error:
            raise AnsibleActionFail(f"the secrets in {folder.path} cannot be read or changed: {error}") from error

    def _wanted(self, args: dict[str, Any]) -> Wanted:
        names = {str(user): str(name) for user, name in (args.get("names") or {}).items()}
        database, own = str(args.get("database") or ""), bool(args.get("own_authority", True))
        of_certificates = [folders.KEY, *map(str, args.get("host_keys") or [])] if own else []
        known = [*names.values(), *([database] if database else []), *of_certificates]
        patterns = [str(pattern) for pattern in args.get("renew") or []]
        # an authority is its key: its certificate is never made anew alone
        meant = [folders.KEY if own and one == folders.CERTIFICATE else one for one in patterns]
        try:
            renewed = folders.chosen(meant, known)
        except FolderError as error:
            written = ", ".join(patterns)
            raise RefusalError(f"{self._hub}: {RENEW}: {written}: {error}. Nothing was changed.") from error
        return Wanted(names, database, own, tuple(renewed))

    def _asked(self, folder: Folder, wanted: Wanted, leaving: list[str], variables: dict[str, Any]) -> dict[str, Any]:
        """Return what the hub has."""
        users = sorted(user for user, name in wanted.missing(folder).items() if name not in leaving)
        root = str(self._task.args.get("root") or "/var/lib/robot-stack")
        held = ask(self, variables, MODULE, {"state": "compared", "root": root, "users": users})
        if held.get("failed"):
            raise AnsibleActionFail(str(held.get("msg")), result=held)
        return {**held, "users": [user for user in held.get("users") or [] if user in users]}

    @property
    def _step(self) -> str:
        return str(self._task.args.get("change") or "")

    def _exchange_is_possible(self, folder: Folder, wanted: Wanted) -> None:
        why = "" if wanted.own_authority or not self._step else "the hub's certificate is of another authority"
        why = why or folder.objection(self._step)
        if why:
            raise RefusalError(f"{self._hub}: {CHANGE}: {self._step}: {why}. Nothing was changed.")

    def _exchange_is_over(self, folder: Folder, shown: str) -> None:
        """Robots may forget the old authority when nothing shows its certificate any more."""
        if self._step != folders.FINISH or not shown or not folder.has(folders.CERTIFICATE):
            return
        if not signed(shown, (folder.path / folders.CERTIFICATE).read_text(encoding="utf-8")):
            why = "the hub still shows a certificate of the old authority: write switch"
            raise RefusalError(f"{self._hub}: {CHANGE}: {self._step}: {why}. Nothing was changed.")

    def _told(self, folder: Folder, found: list[str]) -> str:
        variable = str(self._task.args.get("variable") or "telemetry_hub_secrets_directory")
        return "\n".join(
            [
                f"{self._hub}: this controller lacks secrets that the hub has. Nothing was made or changed.",
                *(f"  {variable}: {folder.path} {line}" for line in found),
                "    why: others would be made in their place, and robots and people would be shut out",
                f"    do:  copy the folder from the controller that has it (rsync -a OTHER:FOLDER/ {folder.path}/), or",
                f"         name it in {variable}; where it is lost, have others made, then run site.yml:",
                f"""         -e '{{"{RENEW}": ["*"]}}', or only the files that are named above""",
            ]
        )

    def _removed(self, folder: Folder, names: list[str]) -> dict[str, Any]:
        going = sorted({name for name in names if folder.has(name)})
        if folders.KEY in going:
            going += [name for name in (*folders.TRUSTED, folders.NEXT_KEY) if folder.has(name)]
        if self._task.check_mode:
            return {"changed": bool(going or self._step), "removed": going}
        folder.remove(going)
        gone = folder.exchange(self._step)
        return {"changed": bool(going or gone), "removed": [*going, *gone]}
