"""The part of a run that one of several machines makes: which cases belong to it."""

import re
from dataclasses import dataclass
from hashlib import blake2b

from lstm_ref.runner.errors import BadShard

WRITTEN = re.compile(r"([0-9]+)/([0-9]+)")


@dataclass(frozen=True)
class Shard:
    """One of several parts. The first has the number 1."""

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
        """Whether the case with this id belongs to this part. The id alone decides:
        other cases and other options change nothing.
        """
        digest = blake2b(case.encode(), digest_size=8).digest()
        return int.from_bytes(digest, "little") % self.of == self.number - 1

    def __str__(self) -> str:
        return f"{self.number}/{self.of}"
