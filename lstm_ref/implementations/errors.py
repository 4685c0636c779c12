"""What can go wrong when implementations are looked for."""

from lstm_ref.protocol.errors import AdapterError


class UnknownSubject(AdapterError):
    """No implementation lives in a subject of that name."""

    def __init__(self, subject: str, known: list[str]) -> None:
        super().__init__(f"there is no subject {subject!r}; the subjects are {', '.join(known)}")


class DuplicateImplementation(AdapterError):
    """Two adapter files declare implementations of the same name."""

    def __init__(self, name: str, first: str, second: str) -> None:
        super().__init__(
            f"implementation {name!r} is declared in {first} and again in {second}; rename one of them"
        )


class NoAdapterFile(AdapterError):
    """A file or package that should declare implementations declares none."""

    def __init__(self, place: str) -> None:
        super().__init__(
            f"{place} declares no implementations; it needs IMPLEMENTATIONS = (Implementation(name=...,"
            " dialect=..., ...),)"
        )


class BrokenEntryPoint(AdapterError):
    """An installed package has implementations that cannot be read."""

    def __init__(self, name: str, value: str, error: Exception) -> None:
        super().__init__(
            f"the entry point {name} = {value} of the group lstm_ref.implementations cannot be loaded:"
            f" {type(error).__name__}: {error}; mend or uninstall its package"
        )
