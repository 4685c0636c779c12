"""The names that pytest gives to cases: `file.yaml::point[axis=value]` is a point, with
`[implementation-dtype]` behind it one of its items.
"""

import re
from dataclasses import dataclass

from lstm_ref.kinds import SUFFIXES
from lstm_ref.oracle.policies import POLICIES

# What only an item's name ends in.
OF_ITEM = re.compile(rf"\[([^\[\],=]+)-({'|'.join(POLICIES)})\]$")

# How the reason begins for which a whole file is skipped.
NOTHING_RUNS = "lstm-ref: nothing here runs"


@dataclass(frozen=True)
class Choice:
    """A pattern of cases, and where it came with the name of one item, its
    implementation and dtype; both are empty where it did not.
    """

    pattern: str
    implementation: str = ""
    dtype: str = ""

    @classmethod
    def of(cls, text: str) -> "Choice":
        """That of a pattern, a point or an item."""
        found = OF_ITEM.search(text)
        return cls(text[: found.start()], *found.groups()) if found else cls(text)

    def takes(self, implementation: str, dtype: str) -> bool:
        """Whether this item of its cases is meant."""
        return not self.implementation or (self.implementation, self.dtype) == (implementation, dtype)


def names_item(argument: str) -> bool:
    """Whether it names one item, and not all of a point."""
    return bool(OF_ITEM.search(argument))


def is_item_of_a_case(nodeid: str) -> bool:
    """Whether it is that of a case, as far as it tells itself: an xdist worker sends
    nothing else, and others have YAML as well.
    """
    return nodeid.partition("::")[0].endswith(SUFFIXES) and names_item(nodeid)
