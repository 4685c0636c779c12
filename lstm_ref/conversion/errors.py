"""What can go wrong in a conversion."""

from collections.abc import Sequence


class ConversionError(ValueError):
    """Weights that cannot be converted. Nothing has been changed. `problems` has one
    sentence for each reason.
    """

    def __init__(self, problems: Sequence[str]) -> None:
        self.problems = tuple(problems)
        super().__init__(
            "\n".join(["the weights cannot be converted:", *(f"  {problem}" for problem in problems)])
        )

    def __reduce__(self) -> tuple[type["ConversionError"], tuple[tuple[str, ...]]]:
        """An error from another process keeps its problems."""
        return ConversionError, (self.problems,)
