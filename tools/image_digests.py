#!/usr/bin/env python3
"""Ask registries which digests images have now, and write them into a file of an inventory.

    tools/image_digests.py inventory/my-fleet/group_vars/all/image_digests.yml [IMAGE...]

Without images: those that the file names already, or, where there is none, every image that this project pulls, base
images of the sensor service included. The file holds nothing but the variable robot_stack_image_digests. What has
changed is printed; look why before you commit it. Where one image cannot be asked for, nothing is written.

The registry is spoken to over HTTPS (plain HTTP on this machine's loopback alone), without a login, and not believed: a
digest is worked out from the answer, which is bounded in bytes and in time.
"""

from __future__ import annotations

import argparse
import hashlib
import http.client
import json
import re
import signal
import sys
import urllib.error
import urllib.parse
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import yaml
from ansible_collections.robotfleet.stack.plugins.plugin_utils.whole_file import whole

PROJECT = Path(__file__).resolve().parents[1]
VARIABLE = "robot_stack_image_digests"
HEAD = "# Made by tools/image_digests.py: what the registries had then. Images are pulled by these (docs/images.md).\n"
HUB = "registry-1.docker.io"
# An index of all architectures, in the two forms that there are, and what an image of one architecture has.
KINDS = (
    "application/vnd.oci.image.index.v1+json",
    "application/vnd.docker.distribution.manifest.list.v2+json",
    "application/vnd.oci.image.manifest.v1+json",
    "application/vnd.docker.distribution.manifest.v2+json",
)
LARGEST = 4 << 20  # bytes of an answer
SECONDS = 60.0  # for one answer, from its beginning to its end
LOOPBACK = ("127.0.0.1", "localhost")
HOST = r"[a-zA-Z0-9-]+(?:\.[a-zA-Z0-9-]+)*(?::\d+)?"
PART = r"[a-z0-9]+(?:(?:\.|_|__|-+)[a-z0-9]+)*"
REFERENCE = re.compile(rf"(?:{HOST}/)?{PART}(?:/{PART})*:[A-Za-z0-9_][A-Za-z0-9_.-]{{0,127}}")


class DigestError(Exception):
    """A digest could not be had; the message names the image and says why."""


class _Straight(urllib.request.HTTPRedirectHandler):
    """Follows no redirect: a manifest comes from the registry itself, and a token goes nowhere else."""

    def redirect_request(self, *_: Any) -> None:
        """Refuse."""


OPENER = urllib.request.build_opener(_Straight)


def main() -> int:
    """Run as a program."""
    parser = argparse.ArgumentParser(description="Write the digests that images have now into a file of an inventory.")
    parser.add_argument("file", type=Path)
    parser.add_argument("images", nargs="*", help="such as alpine:3.23")
    asked = parser.parse_args()
    try:
        before = read(asked.file)
        now = {image: digest(image) for image in asked.images or sorted(before) or pulled()}
    except DigestError as error:
        sys.stderr.write(f"ERROR: {error}. Nothing was written.\n")
        return 1
    write(asked.file, {**before, **now})
    for image, found in sorted(now.items()):
        old = before.get(image, "none")
        sys.stdout.write(f"{image}: {found}{'' if old == found else f' (was {old})'}\n")
    return 0


def read(path: Path) -> dict[str, str]:
    """Return the digests in a file; raise `DigestError` where it holds anything else."""
    if not path.exists():
        return {}
    try:
        found = yaml.safe_load(path.read_text(encoding="utf-8")) or {VARIABLE: {}}
    except yaml.YAMLError as error:
        raise DigestError(f"{path} cannot be read: {error}") from None
    if not isinstance(found, dict) or set(found) != {VARIABLE} or not isinstance(found[VARIABLE], dict):
        raise DigestError(f"{path} holds something else than {VARIABLE}: name a file for that variable alone")
    return {str(image): str(known) for image, known in found[VARIABLE].items()}


def write(path: Path, digests: dict[str, str]) -> None:
    """Write the file, whole or not at all."""
    path.parent.mkdir(parents=True, exist_ok=True)
    text = yaml.safe_dump({VARIABLE: dict(sorted(digests.items()))}, default_flow_style=False, width=200)
    with whole(path) as partial:
        partial.write_text(f"---\n{HEAD}{text}", encoding="utf-8")


def pulled() -> list[str]:
    """Return every image that this project pulls, as its roles' defaults have it."""

    def of(role: str, kind: str) -> dict[str, Any]:
        found = yaml.safe_load((PROJECT / "roles" / role / kind / "main.yml").read_text(encoding="utf-8"))
        return dict(found)

    hub, bases = of("telemetry_hub", "defaults"), of("sensor_service", "vars")["sensor_service_spec"]["image"]["bases"]
    images = set(bases.values())
    for role in ("victoriametrics", "vmagent"):
        own = of(role, "defaults")
        images.add(f"{own[f'{role}_image']}:{own[f'{role}_version']}")
    namespace, version = hub["telemetry_hub_image_namespace"], hub["telemetry_hub_version"]
    images |= {f"{namespace}/vmauth:{version}", f"{namespace}/vmalert:{version}"}
    cluster = hub["telemetry_hub_cluster_version"]
    images |= {f"{namespace}/vmstorage:{cluster}", f"{namespace}/vmselect:{cluster}"}
    images.add(f"{namespace}/vminsert:{hub['telemetry_hub_vminsert_version']}")
    database = hub["telemetry_hub_victoriametrics_version"]
    return sorted(images | {f"{namespace}/{name}:{database}" for name in ("victoria-metrics", "vmbackup", "vmrestore")})


def digest(image: str) -> str:
    """Return the digest by which a registry has an image now, for all its architectures where it has several."""
    if not REFERENCE.fullmatch(image):
        raise DigestError(f"{image!r} is no image with a tag, such as alpine:3.23")
    registry, repository, tag = place(image)
    scheme = "http" if registry.partition(":")[0] in LOOPBACK else "https"
    url = f"{scheme}://{registry}/v2/{repository}/manifests/{tag}"
    try:
        return _digest(url, repository)
    except (urllib.error.URLError, OSError, ValueError, http.client.HTTPException) as error:
        raise DigestError(f"{image}: {registry} gives no digest ({error})") from None


def place(image: str) -> tuple[str, str, str]:
    """Return an image's registry, its repository there, and its tag."""
    name, _, tag = image.rpartition(":")
    first, slash, rest = name.partition("/")
    if slash and ("." in first or ":" in first or first == "localhost"):
        return first, rest, tag
    return HUB, name if slash else f"library/{name}", tag


def _digest(url: str, repository: str) -> str:
    headers = {"Accept": ", ".join(KINDS)}
    try:
        content, told = _ask(url, headers)
    except urllib.error.HTTPError as refused:
        if refused.code != http.client.UNAUTHORIZED:
            raise
        token = _token(str(refused.headers.get("WWW-Authenticate", "")), repository)
        content, told = _ask(url, {**headers, "Authorization": f"Bearer {token}"})
    manifest = json.loads(content)
    if not isinstance(manifest, dict) or manifest.get("schemaVersion") != 2:
        raise ValueError("its answer is no manifest")
    found = f"sha256:{hashlib.sha256(content).hexdigest()}"
    if told not in ("", found):
        raise ValueError(f"it says {told[:80]!r}, and its answer has {found}")
    return found


@contextmanager
def _within(seconds: float) -> Iterator[None]:
    """Raise TimeoutError after so long: a socket's own timeout begins anew with each byte."""

    def late(*_: object) -> None:
        raise TimeoutError(f"its answer took longer than {seconds:.0f} s")

    before = signal.signal(signal.SIGALRM, late)
    signal.setitimer(signal.ITIMER_REAL, seconds)
    try:
        yield
    finally:
        signal.setitimer(signal.ITIMER_REAL, 0)
        signal.signal(signal.SIGALRM, before)


def _ask(url: str, headers: dict[str, str]) -> tuple[bytes, str]:
    """Return an answer's body, at most LARGEST bytes of it within SECONDS, and the digest that its head tells."""
    request = urllib.request.Request(url, headers=headers)  # noqa: S310 (callers make it HTTP or HTTPS)
    with _within(SECONDS), OPENER.open(request, timeout=SECONDS) as answer:
        content: bytes = answer.read(LARGEST + 1)
        if len(content) > LARGEST:
            raise ValueError(f"its answer is longer than {LARGEST} bytes")
        return content, str(answer.headers.get("Docker-Content-Digest") or "")


def _token(challenge: str, repository: str) -> str:
    """Return the token that anybody gets who asks where the registry says, to read one repository."""
    named = dict(re.findall(r'(\w+)="([^"]*)"', challenge))
    realm = urllib.parse.urlsplit(named.get("realm", ""))
    local = realm.scheme == "http" and realm.hostname in LOOPBACK
    if not challenge.startswith("Bearer ") or not (local or realm.scheme == "https"):
        raise ValueError("it wants a login of a kind that is not known here")
    query = urllib.parse.urlencode({"service": named.get("service", ""), "scope": f"repository:{repository}:pull"})
    answer = json.loads(_ask(f"{realm.geturl().partition('?')[0]}?{query}", {})[0])
    token = (answer.get("token") or answer.get("access_token")) if isinstance(answer, dict) else None
    if not isinstance(token, str) or not re.fullmatch(r"[\x21-\x7e]+", token):
        raise ValueError("it gives no token")
    return token


if __name__ == "__main__":
    sys.exit(main())
