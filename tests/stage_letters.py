"""Stages as letters, for tables of expected values."""

CODES = {"W": 0, "1": 1, "2": 2, "3": 3, "R": 4, "?": -1}


def codes(stages):
    """Stage codes of letters."""
    return [CODES[stage] for stage in stages]
