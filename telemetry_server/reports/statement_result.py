"""The result of a statement, read back from its JSON with all digits."""

import json
from typing import Any

from telemetry_server.reports.answers import Answer, csv_answer, not_kept


class WrittenNumber(float):
    """A fraction that is shown as it is written; a decimal may have more digits than a float keeps."""

    _text: str

    def __new__(cls, text: str) -> "WrittenNumber":
        """Read *text*, a number in JSON."""
        number = super().__new__(cls, text)
        number._text = text
        return number

    def __str__(self) -> str:
        return self._text


def read_result(body: bytes) -> Any:
    """Return the columns and rows in *body*; `orjson` would round integers past 64 bits, and decimals."""
    return json.loads(body, parse_float=WrittenNumber)


def result_as_csv(body: bytes) -> Answer:
    """Return the result of a statement as CSV."""
    result = read_result(body)
    names = [column["name"] for column in result["columns"]]
    return not_kept(csv_answer(names, [[_cell(value) for value in row] for row in result["rows"]], {}))


def _cell(value: Any) -> Any:
    return text_of_parts(value) if isinstance(value, list | dict) else value


def text_of_parts(value: Any) -> str:
    """Return a list or an object as JSON."""
    return json.dumps(value, ensure_ascii=False, separators=(",", ":"))
