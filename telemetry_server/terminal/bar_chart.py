"""Bar charts in characters."""

from collections.abc import Iterator, Sequence

EIGHTHS = " ▏▎▍▌▋▊▉"
FULL = "█"
MIN_BAR_WIDTH = 10


def bar_chart(rows: Sequence[tuple[str, float, str]], width: int) -> Iterator[str]:
    """
    Yield a line for each row: its label, its value as text, a bar.

    Args:
        rows: Label, value (not negative) and its text.
        width: Of a line, in characters.
    """
    if not rows:
        return
    label_width = max(len(label) for label, _, _ in rows)
    text_width = max(len(text) for _, _, text in rows)
    room = max(MIN_BAR_WIDTH, width - label_width - text_width - 4)
    most = max(value for _, value, _ in rows)
    for label, value, text in rows:
        bar = _bar(value / most * room) if most else ""
        yield f"{label.rjust(label_width)}  {text.rjust(text_width)}  {bar}".rstrip()


def _bar(length: float) -> str:
    whole, part = divmod(round(length * len(EIGHTHS)), len(EIGHTHS))
    if not whole and not part and length > 0:
        part = 1  # what is there is seen
    return FULL * whole + (EIGHTHS[part] if part else "")
