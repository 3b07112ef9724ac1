"""The password file of the chat: one line with a salted scrypt hash, never the password.

    scrypt$16384$8$1$<salt, hexadecimal>$<hash, hexadecimal>

The numbers are scrypt's cost, block size and parallelism (RFC 7914); they are read from the file,
so that older files keep working when the present choice changes. Knows no server.
"""

import hashlib
import hmac
import os
import re
import secrets
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from index import ConfigError, OpcitError

# OWASP's least for scrypt with 16 MiB: about 50 ms a guess.
_COST, _BLOCK, _PARALLEL = 2**14, 8, 1
_LEAST: Final = 8  # characters of a password
_LINE: Final = re.compile(
    r"scrypt\$(\d{1,7})\$(\d{1,2})\$(\d{1,2})\$([0-9a-f]{32})\$([0-9a-f]{64})"
)


@dataclass(frozen=True, slots=True)
class PasswordHash:
    """What a password file holds."""

    cost: int
    block: int
    parallel: int
    salt: bytes
    digest: bytes

    def matches(self, password: str) -> bool:
        """Whether this is the password; takes as long as scrypt means it to."""
        found = _scrypt(password, self.salt, self.cost, self.block, self.parallel)
        return hmac.compare_digest(found, self.digest)


def write_password_file(path: Path, password: str) -> None:
    """Write the hash of a password to a file that only its owner can read.

    Raises OpcitError if the password is too short or the file cannot be written.
    """
    if len(password) < _LEAST:
        raise OpcitError(f"The password is too short; it needs at least {_LEAST} characters.")
    salt = secrets.token_bytes(16)
    digest = _scrypt(password, salt, _COST, _BLOCK, _PARALLEL)
    line = f"scrypt${_COST}${_BLOCK}${_PARALLEL}${salt.hex()}${digest.hex()}\n"
    try:
        path.unlink(missing_ok=True)  # an old file may be open to others
        with os.fdopen(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "w") as file:
            file.write(line)
    except OSError as error:
        raise OpcitError(f"{path} cannot be written ({error.strerror}).") from error


def read_password_file(path: Path) -> PasswordHash:
    """The hash in a password file.

    Raises ConfigError if there is none.
    """
    try:
        found = _LINE.fullmatch(path.read_text(encoding="ascii").strip())
    except OSError as error:
        raise ConfigError(
            f"The password file {path} cannot be read ({error.strerror}); make one with"
            f" `opcit password {path}`."
        ) from error
    except UnicodeDecodeError:
        found = None
    try:
        if found is None:
            raise ValueError
        cost, block, parallel = (int(found[group]) for group in (1, 2, 3))
        _scrypt("", b"", cost, block, parallel)  # refuses numbers that scrypt cannot work with
    except ValueError:
        raise ConfigError(
            f"{path} holds no password hash; make one with `opcit password {path}`."
        ) from None
    return PasswordHash(cost, block, parallel, bytes.fromhex(found[4]), bytes.fromhex(found[5]))


def _scrypt(password: str, salt: bytes, cost: int, block: int, parallel: int) -> bytes:
    return hashlib.scrypt(
        password.encode(), salt=salt, n=cost, r=block, p=parallel, dklen=32, maxmem=2**27
    )
