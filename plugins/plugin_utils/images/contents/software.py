"""What an image's own files say of the software in it: each kind of package by the list that its installer keeps."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from email.parser import HeaderParser
from urllib.parse import quote

from .files import Found

GO_MARK = b"\xff Go buildinf:"
GO_INLINE = 2  # flag: the texts follow the header, as since Go 1.18
GO_HEADER = 32  # bytes
GO_SENTINEL = 16  # bytes before and after the list of modules
APK = ("lib/apk/db/installed", "usr/lib/apk/db/installed")
PYTHON_LIBRARY = re.compile(r"(?:.*/)?(?:libpython|bin/python)(3\.\d+)[^/]*")
SOURCE_LABEL, OCI_LABEL = "robot-stack.source", "org.opencontainers.image."


@dataclass(frozen=True, order=True)
class Component:
    """One piece of software; ``purl`` is its name in the field's own notation, "" where it has none there."""

    purl: str
    name: str
    version: str
    kind: str = "library"  # as CycloneDX calls it
    license: str = ""
    found_in: str = ""
    source_digest: str = ""

    @property
    def reference(self) -> str:
        """Return what no other component of the image is called."""
        return self.purl or f"{self.name}@{self.version}"


def components(found: Found, labels: Mapping[str, str]) -> list[Component]:
    """Return everything that is recognised, each once, in order."""
    release = _os_release(found)
    known = [*_application(labels), *_system(release), *_apk(found, release), *_deb(found, release)]
    known += [*_python_packages(found), *_interpreters(found), *_go(found)]
    return sorted({one.reference: one for one in known}.values())


def _application(labels: Mapping[str, str]) -> Iterator[Component]:
    """Yield what the image was made for, where its labels say so: our own sensor service, for one."""
    name, version = labels.get(f"{OCI_LABEL}title", ""), labels.get(f"{OCI_LABEL}version", "")
    if name and version:
        known = (labels.get(f"{OCI_LABEL}licenses", ""), "labels", labels.get(SOURCE_LABEL, ""))
        yield Component(f"pkg:generic/{quote(name)}@{quote(version)}", name, version, "application", *known)


def _os_release(found: Found) -> dict[str, str]:
    text = found.texts.get("etc/os-release") or found.texts.get("usr/lib/os-release") or ""
    pairs = (line.partition("=") for line in text.splitlines() if "=" in line)
    return {key: value.strip("\"'") for key, _, value in pairs}


def _system(release: Mapping[str, str]) -> Iterator[Component]:
    name, version = release.get("ID", ""), release.get("VERSION_ID", "")
    if name:
        yield Component("", name, version, "operating-system", found_in="/etc/os-release")


def _apk(found: Found, release: Mapping[str, str]) -> Iterator[Component]:
    for path in APK:
        for record in found.texts.get(path, "").split("\n\n"):
            keys = {line[0]: line[2:] for line in record.splitlines() if line[1:2] == ":" and line[0] in "PVAL"}
            if keys.get("P") and keys.get("V"):
                purl = _system_purl("apk", "alpine", keys["P"], keys["V"], keys.get("A", ""), release)
                yield Component(purl, keys["P"], keys["V"], license=keys.get("L", ""), found_in=f"/{path}")


def _deb(found: Found, release: Mapping[str, str]) -> Iterator[Component]:
    for path, text in found.texts.items():
        for record in text.split("\n\n") if path.startswith("var/lib/dpkg/status") else ():
            keys = HeaderParser().parsestr(record)
            name, version = str(keys.get("Package", "")), str(keys.get("Version", ""))
            if name and version and not str(keys.get("Status", "installed")).endswith("not-installed"):
                purl = _system_purl("deb", "debian", name, version, str(keys.get("Architecture", "")), release)
                yield Component(purl, name, version, found_in=f"/{path}")


def _system_purl(
    kind: str, distribution: str, name: str, version: str, architecture: str, release: Mapping[str, str]
) -> str:
    owner = release.get("ID") or distribution
    known = {"arch": architecture, "distro": f"{owner}-{release['VERSION_ID']}" if release.get("VERSION_ID") else ""}
    qualifiers = "&".join(f"{key}={quote(value)}" for key, value in known.items() if value)
    return f"pkg:{kind}/{quote(owner)}/{quote(name)}@{quote(version)}{'?' if qualifiers else ''}{qualifiers}"


def _python_packages(found: Found) -> Iterator[Component]:
    for path, text in found.texts.items():
        if path.endswith(("/METADATA", "/PKG-INFO", ".egg-info")):
            keys = HeaderParser().parsestr(text)
            name, version = str(keys.get("Name", "")), str(keys.get("Version", ""))
            if name and version:
                purl = f"pkg:pypi/{quote(re.sub(r'[-_.]+', '-', name).lower())}@{quote(version)}"
                expression = str(keys.get("License-Expression") or "")
                yield Component(purl, name, version, license=expression, found_in=f"/{path}")


def _interpreters(found: Found) -> Iterator[Component]:
    """Yield each CPython that no package has brought: its version is a text in its library or program."""
    for path, content in sorted(found.programs.items()):
        named = PYTHON_LIBRARY.fullmatch(path)
        pattern = rb"\x00(" + re.escape(named[1]).encode() + rb"\.\d+(?:(?:a|b|rc)\d+)?\+?)\x00" if named else b""
        version = re.search(pattern, content) if pattern else None
        if version:
            text = version[1].decode()
            yield Component(
                f"pkg:generic/python@{quote(text)}", "python", text, "platform", "PSF-2.0", found_in=f"/{path}"
            )


def _go(found: Found) -> Iterator[Component]:
    """Yield the modules that Go programs were built from, which Go writes into each."""
    for path, content in sorted(found.programs.items()):
        compiler, modules = _go_texts(content)
        if not compiler:
            continue
        number = compiler.partition(" ")[0].removeprefix("go")
        yield Component(f"pkg:golang/stdlib@{quote(number)}", "stdlib", number, "library", "BSD-3-Clause", f"/{path}")
        for kind, name, version, *_ in (line.split("\t") for line in modules.splitlines() if line.count("\t") >= 2):
            if kind in ("mod", "dep"):
                known = "application" if kind == "mod" else "library"
                yield Component(f"pkg:golang/{quote(name)}@{quote(version)}", name, version, known, found_in=f"/{path}")


def _go_texts(content: bytes) -> tuple[str, str]:
    """Return the compiler's version and the list of modules of a Go program; empty where it is none."""
    start = content.find(GO_MARK)
    if start < 0 or len(content) < start + GO_HEADER or not content[start + 15] & GO_INLINE:
        return "", ""
    compiler, after = _text(content, start + GO_HEADER)
    modules, _ = _text(content, after)
    return compiler.decode("utf-8", "replace"), modules[GO_SENTINEL:-GO_SENTINEL].decode("utf-8", "replace")


def _text(content: bytes, at: int) -> tuple[bytes, int]:
    """Return a text that stands behind its length, a varint, and where the next one begins."""
    length = shift = 0
    while at < len(content) and shift < 64:
        byte = content[at]
        length |= (byte & 0x7F) << shift
        at, shift = at + 1, shift + 7
        if byte < 0x80:
            break
    return content[at : at + length], at + length
