"""Why a report cannot be made."""


class CannotCompare(Exception):
    """Two result files have nothing in common, or not what was asked for."""
