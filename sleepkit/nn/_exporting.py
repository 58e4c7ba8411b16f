"""Whether a net is being exported."""

from __future__ import annotations

from typing import Final

import torch

# Older versions of torch know of compilation alone.
is_exporting: Final = getattr(
    torch.compiler, "is_exporting", torch.compiler.is_compiling
)
