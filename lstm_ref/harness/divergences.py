"""Known disagreements, applied to what was found."""

from collections.abc import Iterable, Mapping

from packaging.specifiers import SpecifierSet

from lstm_ref.corpus.divergences import Divergence
from lstm_ref.corpus.selection import id_pattern


class Divergences:
    """The known divergences of all implementations."""

    def __init__(self, entries: Iterable[Divergence]) -> None:
        self._entries = tuple(entries)

    def matching(self, case_id: str, implementation: str, dtype: str, versions: Mapping[str, str]) -> Divergence | None:
        """The entry for this item in these versions, or None."""
        for entry in self._entries:
            if (
                entry.implementation == implementation
                and id_pattern(entry.cases).fullmatch(case_id)
                and (not entry.dtypes or dtype in entry.dtypes)
                and all(
                    package in versions and SpecifierSet(specifier).contains(versions[package], prereleases=True)
                    for package, specifier in entry.versions.items()
                )
            ):
                return entry
        return None
