"""A chart on a page with what belongs to it: key, table, readout, links to its numbers."""

from collections.abc import Sequence
from dataclasses import dataclass

from markupsafe import Markup

NO_PICTURE = Markup("")


@dataclass(frozen=True, slots=True)
class KeyEntry:
    """One entry of a key: the style of its swatch, and what it stands for."""

    style: str
    words: str


@dataclass(frozen=True, slots=True)
class Cell:
    """One cell of a table."""

    text: str
    address: str = ""  # of what is behind it; empty for none
    is_count: bool = True
    picture: Markup = NO_PICTURE  # beside the text


@dataclass(frozen=True, slots=True)
class TableRow:
    """One row: its first cell is its head."""

    group: str  # as addresses have it
    head: Cell
    cells: Sequence[Cell]
    is_pinned: bool = False


@dataclass(frozen=True, slots=True)
class ChartBlock:
    """
    All that the template draws of one chart.

    Attributes:
        id: Of the chart; its table and readout have ids made of it.
        words: What a screen reader says of the picture.
        heads: Of the table; the readout repeats them.
        rows: In the order of the chart.
        is_newest_first: The table has the rows in the other order.
        pins: A place of the chart can be pinned.
    """

    id: str
    title: str
    words: str
    picture: Markup
    heads: Sequence[str]
    rows: Sequence[TableRow]
    caption: str
    key: Sequence[KeyEntry] = ()
    notes: Sequence[str] = ()
    marks: Sequence[tuple[str, str]] = ()  # letter, and what changed
    csv: str = ""
    json: str = ""
    is_newest_first: bool = False
    pins: bool = False
    shown_at: int | None = None  # the row that the readout shows at first
    level: int = 2

    @property
    def readout(self) -> str:
        """Return the text that the readout has at first."""
        if not self.rows:
            return ""
        row = self.rows[-1 if self.shown_at is None else self.shown_at]
        cells = [row.head, *row.cells]
        return " · ".join(f"{head} {cell.text}" for head, cell in zip(self.heads, cells, strict=True) if head)
