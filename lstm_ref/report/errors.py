"""Why a report cannot be made."""


class CannotCompare(Exception):
    """Two result files have nothing in common, or do not have what was asked for."""
