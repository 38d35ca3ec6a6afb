"""Web pages of the configured origins can submit."""

import pytest

from telemetry_server.edge.limits import EdgeLimits
from tests.support.edges import PATH, Answer, a_request, running_edge

PAGE = "https://app.example.org"
OTHER = "https://elsewhere.example.org"
GLEAN_JS = "content-encoding,content-type,x-source-tags,x-telemetry-agent"


def a_preflight(origin: str | None = PAGE, *, method: str = "POST", asks: str = GLEAN_JS, path: str = PATH):
    """A preflight request of a browser."""
    headers = {"Access-Control-Request-Method": method, "Access-Control-Request-Headers": asks}
    if origin is not None:
        headers["Origin"] = origin
    return a_request(b"", method="OPTIONS", path=path, headers=headers)


def cors_of(answer: Answer) -> dict[str, str]:
    return {
        name: value for name, value in answer.headers.items() if name.startswith("access-") or name == "vary"
    }


@pytest.mark.parametrize("path", [PATH, "/submit/garden/watering/1/x", "//submit/garden/watering/1/x"])
@pytest.mark.parametrize("method", ["POST", "PUT"])
async def test_a_preflight_of_an_allowed_page_is_204(tmp_path, path, method):
    """It allows the headers of Glean.js, for two hours."""
    async with running_edge(tmp_path, cors_origins=frozenset({PAGE})) as edge:
        (answer,) = await edge.talk(a_preflight(path=path, method=method))
        kept = edge.kept()

    assert (answer.status, answer.body, kept) == (204, b"", [])
    assert set(GLEAN_JS.split(",")) <= set(answer.headers["access-control-allow-headers"].split(", "))
    del answer.headers["access-control-allow-headers"]
    assert cors_of(answer) == {
        "access-control-allow-origin": PAGE,
        "access-control-allow-credentials": "true",
        "access-control-allow-methods": "POST, PUT",
        "access-control-max-age": "7200",
        "vary": "Origin, Access-Control-Request-Headers",
    }


@pytest.mark.parametrize(
    ("asks", "is_answered"),
    [
        ("traceparent", True),
        ("X-Own-Header", True),
        ("content-type, traceparent,x-b", True),
        ("", False),
        ("a b", False),
        ("x" * 1025, False),
        ("a,,b", False),
    ],
)
async def test_other_plain_headers_may_be_sent(tmp_path, asks, is_answered):
    """Tracing libraries add their own; they are not kept."""
    async with running_edge(tmp_path, cors_origins=frozenset({"*"})) as edge:
        (answer,) = await edge.talk(a_preflight(asks=asks))

    allowed = answer.headers["access-control-allow-headers"].split(", ")
    assert "content-type" in allowed
    assert all(name.strip() in allowed for name in asks.lower().split(",")) == is_answered


@pytest.mark.parametrize(
    ("origins", "request_bytes"),
    [
        ({PAGE}, a_preflight(OTHER)),
        ({PAGE}, a_preflight("null")),
        ({PAGE}, a_preflight(PAGE.upper())),
        ({PAGE}, a_preflight(None)),
        ({"*"}, a_preflight(None)),
        ({PAGE}, a_preflight(method="DELETE")),
        ({PAGE}, a_request(b"", method="OPTIONS", headers={"Origin": PAGE})),
        (set(), a_preflight()),
    ],
)
async def test_every_other_options_is_405(tmp_path, origins, request_bytes):
    async with running_edge(tmp_path, cors_origins=frozenset(origins)) as edge:
        (answer,) = await edge.talk(request_bytes)

    assert (answer.status, answer.headers["allow"]) == (405, "POST, PUT")
    assert "access-control-allow-methods" not in answer.headers


@pytest.mark.parametrize(
    ("origins", "origin", "said"),
    [
        (
            {PAGE, OTHER},
            PAGE,
            {
                "access-control-allow-origin": PAGE,
                "access-control-allow-credentials": "true",
                "vary": "Origin",
            },
        ),
        ({"*"}, PAGE, {"access-control-allow-origin": "*"}),
        ({"*"}, "null", {"access-control-allow-origin": "*"}),
        ({PAGE}, OTHER, {"vary": "Origin"}),
        ({PAGE}, None, {}),
        (set(), PAGE, {}),
    ],
)
async def test_submissions_of_every_origin_are_kept_and_only_allowed_pages_can_read_the_answer(
    tmp_path, origins, origin, said
):
    headers = {} if origin is None else {"Origin": origin}
    async with running_edge(tmp_path, cors_origins=frozenset(origins)) as edge:
        (answer,) = await edge.talk(a_request(headers=headers))
        kept = edge.kept()

    assert (answer.status, cors_of(answer), len(kept)) == (200, said, 1)


@pytest.mark.parametrize(
    ("request_bytes", "status"),
    [
        (a_request(b"x" * 1001, headers={"Origin": PAGE}), 413),
        (a_request(path="/submit/other/x", headers={"Origin": PAGE}), 404),
        (a_request(headers={"Origin": PAGE, "User-Agent": "x" * 1025}), 431),
        (a_request(method="GET", headers={"Origin": PAGE}), 405),
    ],
)
async def test_a_page_can_read_a_refusal(tmp_path, request_bytes, status):
    """Otherwise Glean.js would treat it as a broken connection and send the ping again."""
    async with running_edge(
        tmp_path,
        limits=EdgeLimits(max_body_bytes=1000),
        cors_origins=frozenset({"*"}),
        namespaces=frozenset({"telemetry"}),
    ) as edge:
        (answer,) = await edge.talk(request_bytes)

    assert (answer.status, cors_of(answer)) == (status, {"access-control-allow-origin": "*"})


async def test_a_page_can_read_that_the_server_has_no_room(tmp_path):
    async with running_edge(
        tmp_path, cors_origins=frozenset({"*"}), writer_options={"min_free_bytes": 1 << 60}
    ) as edge:
        (answer,) = await edge.talk(a_request(headers={"Origin": PAGE}))

    assert (answer.status, cors_of(answer)) == (507, {"access-control-allow-origin": "*"})


async def test_only_submit_routes_send_cors_headers(tmp_path):
    async with running_edge(tmp_path, cors_origins=frozenset({"*"})) as edge:
        (answer,) = await edge.talk(a_request(b"", method="GET", path="/status", headers={"Origin": PAGE}))

    assert (answer.status, cors_of(answer)) == (200, {})
