"""Ids of viewers as salted hashes: a known id can be recognised, but a file alone names no viewer.

A hash is no encryption. With the salt, which is in the same file, anyone can test whether an id
that they already have is among the hashes. Recognising a known viewer requires exactly this.
"""

import hashlib
import secrets
from collections.abc import Iterable
from dataclasses import dataclass
from functools import cached_property

SALT_BYTES = 16
HASH_BYTES = 16


def new_salt() -> bytes:
    """A random salt from the system: no seed decides it, and it does not affect results."""
    return secrets.token_bytes(SALT_BYTES)


def hash_of(user_id: str, salt: bytes) -> bytes:
    """The hash of an id, BLAKE2b keyed by the salt, `HASH_BYTES` long."""
    text = user_id.encode("utf-8", "surrogatepass")
    return hashlib.blake2b(text, key=salt, digest_size=HASH_BYTES).digest()


@dataclass(frozen=True)
class KnownViewers:
    """The viewers that a model has a vector for, known by the hashes of their ids.

    Args:
        salt: Of the hashes.
        hashes: Hexadecimal, in the order of the rows of the embedding.
    """

    salt: bytes
    hashes: tuple[str, ...] = ()

    @classmethod
    def of(cls, user_ids: Iterable[str], salt: bytes | None = None) -> "KnownViewers":
        """Viewers by their ids, in order; a new salt where none is given."""
        salt = new_salt() if salt is None else salt
        return cls(salt, tuple(hash_of(user_id, salt).hex() for user_id in user_ids))

    def __len__(self) -> int:
        """How many there are."""
        return len(self.hashes)

    def __contains__(self, user_id: object) -> bool:
        """Whether an id belongs to one of them."""
        return isinstance(user_id, str) and self.row_of(user_id) > 0

    def row_of(self, user_id: str) -> int:
        """The row of a viewer in the embedding, from 1; 0 for a stranger."""
        return self._rows.get(self.hashed(user_id), 0)

    def hashed(self, user_id: str) -> str:
        """The hash of any id with this salt."""
        return hash_of(user_id, self.salt).hex()

    @cached_property
    def _rows(self) -> dict[str, int]:
        return {value: row for row, value in enumerate(self.hashes, start=1)}
