"""The command ``sleepkit``: one file a subcommand."""

from sleepkit.cli._main import main

__all__ = ["main"]
