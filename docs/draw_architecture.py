"""Draws docs/architecture.svg: ``python docs/draw_architecture.py`` after the list below changed."""

from pathlib import Path
from xml.sax.saxutils import escape

WIDTH, HEIGHT = 980, 560
# x, y, width, height, title, lines, kind
BOXES = [
    (20, 40, 180, 74, "Clients", ["Firefox, Glean, own apps", "POST /submit/…"], "outside"),
    (20, 170, 180, 70, "Exported files", ["convert FILE…"], "outside"),
    (220, 40, 200, 90, "edge/", ["limits, admission, headers", "fast_path.py, edge.py"], "room"),
    (220, 170, 200, 70, "imports/", ["formats of other servers"], "room"),
    (
        470,
        40,
        200,
        110,
        "storage/raw/",
        ["writer.py: group commit", "raw/<day>/*.tlg", "one fsync, then 200"],
        "data",
    ),
    (
        220,
        290,
        450,
        110,
        "coordinator/",
        [
            "batch_planner.py reads raw/ · process_pool.py · conversion_worker.py",
            "commit.py: files and ledger in one transaction",
            "definition_fetches.py · replay.py · retention.py",
        ],
        "room",
    ),
    (
        220,
        440,
        450,
        90,
        "convert/  (pure: one submission → one outcome)",
        [
            "pings/ · payloads/ · histograms/ · compiled/ · rules/ · doctypes/",
            "outcome: Stored | Refused | AwaitingSpecs",
        ],
        "room",
    ),
    (20, 440, 180, 90, "histogram_specs/", ["definitions, by revision", "sources, cache, history"], "room"),
    (720, 40, 240, 76, "storage/ledger/", ["state/ledger.sqlite: positions,", "ids, files, counts"], "data"),
    (
        720,
        140,
        240,
        76,
        "storage/partitions/",
        ["converted/ and quarantine/", "zstd lines by day and dimensions"],
        "data",
    ),
    (
        720,
        290,
        240,
        110,
        "inspection/ diagnostics/",
        ["cat, explain, tail", "doctor", "storage/integrity: audit, repair"],
        "room",
    ),
    (
        720,
        440,
        240,
        90,
        "cli/ composition/ settings/",
        ["commands; settings → objects", "supervision/: the processes"],
        "room",
    ),
]
# from (x, y) to (x, y)
ARROWS = [
    (200, 75, 220, 75),
    (200, 205, 220, 205),
    (420, 85, 470, 85),
    (420, 205, 520, 150),
    (570, 150, 570, 290),
    (445, 400, 445, 440),
    (200, 485, 220, 485),
    (670, 310, 720, 100),
    (670, 330, 720, 190),
    (840, 216, 840, 290),
    (840, 440, 840, 400),
]
STYLE = """
  text { font: 13px system-ui, sans-serif; fill: #1b1f24 }
  .title { font-weight: 600; font-size: 14px }
  rect { stroke: #57606a; rx: 6 }
  .room { fill: #eaf2fb } .data { fill: #fdf3dc } .outside { fill: #f3f4f6 }
  line { stroke: #57606a; stroke-width: 1.5; marker-end: url(#head) }
"""


def picture() -> str:
    """The whole SVG as text."""
    parts = [
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {WIDTH} {HEIGHT}" role="img" aria-labelledby="t">',
        "<title id='t'>How a submission becomes a record: edge, raw store, coordinator, partitions</title>",
        f"<style>{STYLE}</style>",
        '<defs><marker id="head" markerWidth="8" markerHeight="8" refX="7" refY="4" orient="auto">'
        '<path d="M0,0 L8,4 L0,8 z" fill="#57606a"/></marker></defs>',
        f'<rect width="{WIDTH}" height="{HEIGHT}" fill="#ffffff" stroke="none"/>',
    ]
    parts += [f'<line x1="{x1}" y1="{y1}" x2="{x2}" y2="{y2}"/>' for x1, y1, x2, y2 in ARROWS]
    for x, y, width, height, title, lines, kind in BOXES:
        parts.append(f'<rect class="{kind}" x="{x}" y="{y}" width="{width}" height="{height}"/>')
        parts.append(f'<text class="title" x="{x + 10}" y="{y + 22}">{escape(title)}</text>')
        for number, line in enumerate(lines):
            parts.append(f'<text x="{x + 10}" y="{y + 44 + 20 * number}">{escape(line)}</text>')
    return "\n".join([*parts, "</svg>", ""])


if __name__ == "__main__":
    Path(__file__).with_name("architecture.svg").write_text(picture(), encoding="utf-8")
