"""Reports: pure functions of a result file."""
