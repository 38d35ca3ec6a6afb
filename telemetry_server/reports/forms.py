"""The fields of a form that a page sends."""

from urllib.parse import parse_qs

from telemetry_server.reports.problems import Problem

FORM = "application/x-www-form-urlencoded"
MAX_FIELDS = 100


def form_fields(body: bytes) -> dict[str, str]:
    """
    Return the fields of a form; of a repeated one the first.

    Raises:
        Problem: It is not a form.
    """
    try:
        fields = parse_qs(body.decode(), keep_blank_values=True, max_num_fields=MAX_FIELDS)
    except ValueError:
        raise Problem("bad-request", "The form cannot be read.") from None
    return {name: values[0] for name, values in fields.items()}
