"""A part of a run for each of several machines: which cases are whose."""

import re
from dataclasses import dataclass
from hashlib import blake2b

from lstm_ref.runner.errors import BadShard

WRITTEN = re.compile(r"([0-9]+)/([0-9]+)")


@dataclass(frozen=True)
class Shard:
    """The part with this number, from 1, of so many."""

    number: int
    of: int

    @classmethod
    def parse(cls, text: str) -> "Shard":
        """The shard that is written as 2/5. Raises BadShard."""
        written = WRITTEN.fullmatch(text)
        number, of = (int(written[1]), int(written[2])) if written else (0, 0)
        if not 1 <= number <= of:
            raise BadShard(text)
        return cls(number, of)

    def takes(self, case: str) -> bool:
        """Whether the case with this id is in this part.

        That depends on the id alone: neither other cases nor other options move it.
        """
        digest = blake2b(case.encode(), digest_size=8).digest()
        return int.from_bytes(digest, "little") % self.of == self.number - 1

    def __str__(self) -> str:
        return f"{self.number}/{self.of}"
