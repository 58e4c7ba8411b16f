"""Pages of HTML from templates, with their pictures inside."""

from __future__ import annotations

from base64 import b64encode
from collections.abc import Mapping
from io import BytesIO
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final, NamedTuple

from sleepkit.utils import optional_import

if TYPE_CHECKING:
    from matplotlib.figure import Figure

_TEMPLATES: Final = Path(__file__).with_name("templates")
RESEARCH: Final = "for research; not a medical device"
_DPI: Final = 160
_COLORS: Final = 256
WIDTHS: Final = (11.0, 4.75)  # inches of a picture on a wide page and on a phone


class Picture(NamedTuple):
    """A picture, narrow for a phone as well, the text in its place, and its caption."""

    wide: str
    narrow: str
    alt: str
    caption: str


def render_page(template: str, values: Mapping[str, Any]) -> str:
    """Fill a template; every value is escaped, and one that is missing is an error."""
    jinja2 = optional_import("jinja2", extra="report")
    environment = jinja2.Environment(
        loader=jinja2.FileSystemLoader(_TEMPLATES, encoding="utf-8"),
        autoescape=True,
        undefined=jinja2.StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    page: str = environment.get_template(template).render(values)
    return page


def new_figure(width: float, height: float) -> Figure:
    """Make a figure without pyplot, so without a window on any user's screen."""
    module = optional_import("matplotlib.figure", extra="report")
    figure: Figure = module.Figure(figsize=(width, height), layout="constrained")
    return figure


def to_uri(figure: Figure) -> str:
    """Picture of a figure as the address of an image that holds all its data."""
    image = optional_import("PIL.Image", extra="report")
    drawn, buffer = BytesIO(), BytesIO()
    figure.savefig(drawn, format="rgba", dpi=_DPI)
    size = [round(inches * _DPI) for inches in figure.get_size_inches()]
    pixels = image.frombytes("RGBA", size, drawn.getvalue()).convert("RGB")
    # As many colours as a colour map has: half of the size, and none is seen to miss.
    pixels.quantize(_COLORS, dither=image.Dither.NONE).save(buffer, format="png")
    return f"data:image/png;base64,{b64encode(buffer.getvalue()).decode()}"
