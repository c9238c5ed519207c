"""Encrypted backups, by the program `age`: what it reads and writes goes through pipes, and on no disk in the clear."""

from __future__ import annotations

import re
import shutil
import subprocess
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import IO, Any

from ..needs.transfer import Content

SUFFIX = ".age"
RECIPIENT = re.compile(r"age1[0-9a-z]+|ssh-(?:ed25519|rsa) [A-Za-z0-9+/=]+(?: [^\n]*)?")
LONGEST_WORDS = 500  # characters of what age says


class AgeError(RuntimeError):
    """Nothing can be encrypted or decrypted; the message says why and what to do."""


def program() -> str:
    """Return where age is."""
    found = shutil.which("age")
    if not found:
        raise AgeError(
            "the program age, which encrypts backups, is not on this machine's PATH: install it (package age, or "
            "https://github.com/FiloSottile/age)"
        )
    return found


@dataclass(frozen=True)
class Recipients:
    """Public keys, whose owners alone can read what is written for them."""

    keys: tuple[str, ...]

    @classmethod
    def of(cls, keys: Any) -> Recipients | None:
        """Return the recipients that `backup_recipients` names, None for none; raise `AgeError` where age cannot."""
        if not keys:
            return None
        if not isinstance(keys, (list, tuple)):
            raise AgeError(f"backup_recipients is {keys!r}: make it a list of public keys (age1..., ssh-ed25519 ...)")
        odd = [key for key in keys if not (isinstance(key, str) and RECIPIENT.fullmatch(key))]
        if odd:
            secret = any("SECRET" in str(key).upper() for key in odd)
            shown = "a secret key, which belongs in no inventory" if secret else repr(odd[0])
            raise AgeError(f"backup_recipients holds {shown}: name public keys (age1..., ssh-ed25519 ...)")
        made = cls(tuple(keys))
        tried = subprocess.run(made.command, stdin=subprocess.DEVNULL, capture_output=True, check=False)
        if tried.returncode:
            raise AgeError(f"backup_recipients cannot be used: {_words(tried.stderr)}")
        return made

    @property
    def command(self) -> list[str]:
        """Return the command that encrypts what it reads."""
        return [program(), "--encrypt", *(part for key in self.keys for part in ("--recipient", key))]

    def encrypting(self, target: IO[bytes]) -> Encryption:
        """Begin to write into a file."""
        return Encryption(self.command, target)


class Encryption:
    """What is written here is encrypted into a file."""

    def __init__(self, command: Sequence[str], target: IO[bytes]) -> None:
        """Start age."""
        self._process = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=target, stderr=subprocess.PIPE)

    def write(self, content: bytes) -> None:
        """Encrypt ``content`` after what was written before."""
        try:
            _pipe(self._process.stdin).write(content)
        except BrokenPipeError:
            self.finish()
            raise AgeError("age ended while a backup was written") from None

    def finish(self) -> None:
        """Write what is left; raise `AgeError` where not all of it could be."""
        _, words = self._process.communicate()
        if self._process.returncode:
            raise AgeError(f"a backup could not be encrypted: {_words(words)}")

    def give_up(self) -> None:
        """End age, whatever it has written."""
        self._process.kill()
        self._process.communicate()


class Decrypted(Content):
    """An encrypted file as what it holds."""

    def __init__(self, path: Path, identity: str) -> None:
        """``identity``: the file with the secret key; raise `AgeError` without one."""
        super().__init__(path)
        if not identity:
            raise AgeError(f"{path} is encrypted: name the file with its key, -e restore_identity=FILE")
        key = Path(identity).expanduser()
        if not key.is_file():
            raise AgeError(
                f"restore_identity is {identity}, which is no file: name the one that age-keygen has written"
            )
        self.name = path.name.removesuffix(SUFFIX)
        self._size = 0
        self._command = [program(), "--decrypt", "--identity", str(key.absolute()), str(path.absolute())]

    @property
    def size(self) -> int:
        """Return the size of what is in it, which whoever has read it through has set."""
        return self._size

    @size.setter
    def size(self, size: int) -> None:
        self._size = size

    @contextmanager
    def open(self) -> Iterator[IO[bytes]]:
        """Yield what is in the file; raise `AgeError` where it cannot be decrypted to its end."""
        # Of a session of its own: an identity with a passphrase would else ask a terminal that nobody looks at.
        process = subprocess.Popen(
            self._command,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            start_new_session=True,
        )
        stream = _pipe(process.stdout)
        try:
            yield stream
        finally:
            ended = not stream.read(1)  # else whoever reads has had enough
            if not ended:
                process.kill()
            _, words = process.communicate()
            if ended and process.returncode:
                raise AgeError(f"{self.path} cannot be decrypted: {_words(words)}")


def _pipe(stream: IO[bytes] | None) -> IO[bytes]:
    if stream is None:
        raise ValueError("there is no pipe")
    return stream


def _words(said: bytes) -> str:
    text = said.decode("utf-8", "replace").strip().partition("\n")[0]
    return "".join(c if c.isprintable() else "?" for c in text)[:LONGEST_WORDS] or "age failed, and does not say why"
