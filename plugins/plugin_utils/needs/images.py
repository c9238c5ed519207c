"""Images on their way to one robot: what is sent in advance, what it asks for, and what is known of it afterwards."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from ansible.errors import AnsibleActionFail
from ansible_collections.robotfleet.stack.plugins.module_utils.robot_stack.spec.needs import ImageNeed

from ..images import Archive, Images, ImageUnavailableError
from ..images.known_images import LARGEST_GUESS, KnownImages
from .connection import Connection
from .transfer import NoFolderError, Sender, SendingError, Staged


class ImageDelivery:
    """The images of one robot in one run; ``staged`` is what was laid on its disk, as the module is told of it."""

    def __init__(self, connection: Connection, images: Images, known: KnownImages, root: str) -> None:
        """``known`` is this controller's record of what the robot has; ``root`` is the stack's directory there."""
        self._connection, self._images, self._known, self._root = connection, images, known, root
        self._sent: dict[str, Archive] = {}
        self._wanted: dict[str, str] = {}
        self.staged: list[dict[str, Any]] = []

    def want(self, services: Sequence[Mapping[str, Any]], architecture: str) -> None:
        """Know the digests of the images that the gate has found: one that was renewed since is not sent."""
        for service in services:
            digest = (service["image"].get("fingerprints") or {}).get(architecture)
            self._wanted[str(service["image"]["reference"])] = str(digest or "")

    def guess(self, services: Sequence[Mapping[str, Any]], scope: Sequence[str], architecture: str) -> None:
        """Send a small update before the robot asks for it, where its images are known from the last delivery."""
        for service in services:
            reference = service["image"]["reference"]
            wanted = (service["image"].get("fingerprints") or {}).get(architecture)
            in_scope = not scope or service["name"] in scope
            if not (wanted and in_scope and service.get("enabled", True)):
                continue
            if self._known.outdated(reference, wanted):
                archive = self._archive(reference, architecture, self._known.chains)
                if archive.left_out and archive.path.stat().st_size <= LARGEST_GUESS:
                    try:
                        self._stage(reference, archive, None)
                    except NoFolderError:  # another machine than it was, or one that was set up anew
                        return

    def meet(self, need: ImageNeed) -> list[str]:
        """Lay an image's archive on the robot's disk, without the layers that it has unless it refused that."""
        if need.whole:
            self._connection.say(f"its engine wants the whole archive of {need.reference}: {need.why}")
        self._known.chains = [list(chain) for chain in need.chains]
        archive = self._archive(need.reference, need.architecture, () if need.whole else need.chains)
        self._stage(need.reference, archive, need.staged)
        return []

    def learn(self, services: Sequence[Mapping[str, Any]], architecture: str) -> None:
        """Note what the robot has now."""
        for service in services:
            archive = self._sent.get(service["image"]["reference"])
            if archive:
                wanted = service["image"]["fingerprints"][architecture]
                self._known.learn(service["image"]["reference"], wanted, archive.layers)
        if self._sent:
            self._known.save()

    def _archive(self, reference: str, architecture: str, chains: Sequence[Sequence[str]]) -> Archive:
        try:
            return self._images.archive(reference, architecture, chains, self._wanted.get(reference, ""))
        except ImageUnavailableError as error:
            raise AnsibleActionFail(str(error)) from error

    def _stage(self, reference: str, archive: Archive, staged: Staged | None) -> None:
        note = f"; layers there already: {archive.left_out}" if archive.left_out else ""
        sender = Sender(self._connection.as_root, self._root, self._connection.say)
        try:
            path = sender.send(archive.path, reference, staged, note)
        except SendingError as error:
            raise AnsibleActionFail(str(error)) from error
        others = [known for known in self.staged if known["reference"] != reference]
        sent = {"reference": reference, "path": path, "digest": archive.digest, "left_out": archive.left_out}
        self.staged = [*others, sent]
        self._sent[reference] = archive
