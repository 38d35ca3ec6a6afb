"""Harmless repeated headers, and space after Transfer-Encoding, are accepted on both HTTP paths."""

import pytest

from telemetry_server.edge.tolerant_parser import mended
from tests.support.edges import PATH, a_request, running_edge
from tests.support.shared_data import shared_trials

CHUNKED_BODY = b"2\r\n{}\r\n0\r\n\r\n"


def a_post(*lines: bytes, body: bytes = b"{}", path: str = PATH) -> bytes:
    """A request with *lines* as headers, repeated ones too."""
    is_chunked = any(line.lower().startswith(b"transfer-encoding") for line in lines)
    length = [] if is_chunked else [b"Content-Length: %d" % len(body)]
    head = b"\r\n".join([f"POST {path} HTTP/1.1".encode(), b"Host: a", *lines, *length])
    return head + b"\r\n\r\n" + (CHUNKED_BODY if is_chunked else body)


TOLERATED = [
    pytest.param([b"User-Agent: own/1", b"User-Agent: proxy/1"], "own/1, proxy/1", id="user agents"),
    pytest.param(
        [b"user-agent:own/1", b"X-A: b", b"USER-AGENT: \tproxy/1 "], "own/1, proxy/1", id="spelling"
    ),
    pytest.param([b"User-Agent: a", b"User-Agent: b", b"User-Agent: c"], "a, b, c", id="three"),
    pytest.param([b"User-Agent: a\xe9", b"User-Agent: b"], "a\xe9, b", id="Latin-1"),
    pytest.param([b"Content-Type: application/json", b"Content-Type: text/plain"], None, id="content types"),
    pytest.param([b"ETag: 1", b"ETag: 2"], None, id="etags"),
    pytest.param([b"Server: a", b"Server: b"], None, id="servers"),
    pytest.param([b"Content-Location: /a", b"Content-Location: /b"], None, id="content locations"),
    pytest.param([b"Content-Range: a", b"Content-Range: b"], None, id="content ranges"),
    pytest.param([b"Max-Forwards: 1", b"Max-Forwards: 2"], None, id="max forwards"),
    pytest.param([b"Transfer-Encoding: chunked\t"], None, id="tab"),
    pytest.param([b"Transfer-Encoding:\tchunked \t "], None, id="tabs and spaces"),
    pytest.param([b"Transfer-Encoding: chunked\t", b"ETag: 1", b"ETag: 2"], None, id="both"),
]


@pytest.mark.parametrize(("lines", "user_agent"), TOLERATED)
async def test_harmless_deviations_are_accepted_in_any_pieces_and_again_on_the_same_connection(
    tmp_path, lines, user_agent
):
    """At once, in two pieces, a byte at a time, twice in one piece, and after another request."""
    whole = a_post(*lines)
    middle = len(whole) // 2
    async with running_edge(tmp_path) as edge:
        counts = [
            len(await edge.talk(*parts, pause=pause))
            for parts, pause in [
                ((whole,), 0),
                ((whole, whole), 0.05),
                ((whole[:middle], whole[middle:]), 0.01),
                (tuple(whole[at : at + 1] for at in range(len(whole))), 0.0005),
                ((a_request(b"x" * 1000) + whole[:middle], whole[middle:]), 0.01),
                ((a_request(b"x" * 1000)[:-10], b"x" * 10 + whole), 0.01),
                ((a_request(b"x" * 1000)[:-10], b"x" * 10 + whole[:middle], whole[middle:]), 0.01),
            ]
        ]
        kept = edge.kept()

    assert counts == [1, 2, 1, 1, 2, 2, 2]
    mine = [submission for submission in kept if submission.body == b"{}"]
    assert (len(kept), len(mine)) == (11, 8)
    assert {submission.headers.get("user-agent") for submission in mine} == {user_agent}


async def test_requests_after_a_chunked_one_are_mended_too(tmp_path):
    """A proxy that streams bodies keeps its connection open."""
    chunked = a_post(b"Transfer-Encoding: chunked", b"ETag: 1", b"ETag: 2")
    async with running_edge(tmp_path) as edge:
        answers = await edge.talk(*[chunked] * 3, a_post(b"ETag: 1", b"ETag: 2"), chunked, pause=0.05)

    assert [answer.status for answer in answers] == [200] * 5


@pytest.mark.parametrize(
    ("request_bytes", "status"),
    [
        pytest.param(a_post(b"Host: b"), 400, id="two hosts"),
        pytest.param(a_post(b"Content-Length: 2"), 400, id="two lengths"),
        pytest.param(a_post(b"Transfer-Encoding: chunked", b"Transfer-Encoding: chunked\t"), 400, id="twice"),
        pytest.param(a_post(b"Transfer-Encoding: chunked\t", b"Content-Length: 12"), 400, id="both framings"),
        pytest.param(a_post(b"Transfer-Encoding: chunked\x0b"), 400, id="another space"),
        pytest.param(a_post(b"Transfer-Encoding: chunked\tx"), 400, id="a tab within"),
        pytest.param(a_post(b"ETag: 1", b"ETag: 2\x00"), 400, id="a NUL in a repeated header"),
        pytest.param(a_post(b"ETag: 1", b"ETag: 2\nX: 1"), 400, id="a bare LF in a repeated header"),
        pytest.param(a_post(b"ETag: 1", b"ETag: 2", b" folded"), 400, id="a folded line"),
        pytest.param(a_post(b"ETag: 1", b"ETag : 2", b"ETag: 3"), 400, id="a space before the colon"),
        pytest.param(a_post(b"ETag: 1", b"ETag: 2", b"Bad Name: 3"), 400, id="another fault"),
        pytest.param(a_post(*[b"ETag: 1"] * 62), 200, id="64 headers"),
        pytest.param(a_post(*[b"ETag: 1"] * 63), 431, id="65 headers"),
        pytest.param(a_post(*[b"User-Agent: " + b"x" * 510] * 2), 200, id="1022 bytes"),
        pytest.param(a_post(*[b"User-Agent: " + b"x" * 512] * 2), 431, id="1026 bytes"),
        pytest.param(a_post(*[b"User-Agent: " + b"x" * 5000] * 2), 431, id="a long line"),
        pytest.param(a_post(*[b"ETag: " + b"x" * 8000] * 5), 400, id="a head too long to mend"),
    ],
)
async def test_harmful_deviations_are_still_refused(tmp_path, request_bytes, status):
    async with running_edge(tmp_path) as edge:
        answers = await edge.talk(request_bytes)
        kept = edge.kept()

    assert [answer.status for answer in answers] == [status]
    assert len(kept) == (status == 200)


async def test_a_body_is_never_read_as_a_head(tmp_path):
    """The body looks like requests with repeated headers, after mended heads and in pieces."""
    body = a_post(b"ETag: 1", b"ETag: 2", path="/submit/hidden") * 3
    carriers = [
        a_post(b"ETag: 1", b"ETag: 2", body=body),
        a_request(body),
        a_post(b"User-Agent: a", b"User-Agent: b", body=body),
    ]
    whole = b"".join(carriers)
    async with running_edge(tmp_path) as edge:
        for step in (37, 200, 1000, len(whole)):
            await edge.talk(*[whole[at : at + step] for at in range(0, len(whole), step)], pause=0.002)
        kept = edge.kept()

    assert {submission.path for submission in kept} == {PATH}
    assert {submission.body for submission in kept} == {body}
    assert len(kept) == 12


@pytest.mark.parametrize(
    "name", ["http-te-trailing-tab.req", "http-two-content-types.req", "http-two-user-agents.req"]
)
async def test_trial_requests_are_taken(tmp_path, name):
    request = shared_trials(name).read_bytes()
    async with running_edge(tmp_path) as edge:
        answers = await edge.talk(request)
        kept = edge.kept()

    assert [answer.status for answer in answers] == [200]
    assert len(kept[0].body) == 151


def test_a_head_without_these_deviations_is_unchanged():
    head = a_request(headers={"User-Agent": "a ", "X-A": "\tb", "X-Debug-ID": "c"})[:-2]

    assert mended(head) == head


BEHIND_A_WHOLE_REQUEST = [
    pytest.param(b"BAD\r\n\r\n", 400, id="no request"),
    pytest.param(b"x", 400, id="a byte"),
    pytest.param(b"{}", 400, id="a body"),
    pytest.param(b"FOO /status HTTP/1.1\r\nHost: a\r\n\r\n", 400, id="unknown method"),
    pytest.param(b"GET /status HTTP/3.0\r\nHost: a\r\n\r\n", 400, id="other version"),
    pytest.param(b"GET /%s HTTP/1.1\r\nHost: a\r\n\r\n" % (b"a" * 9000), 414, id="long target"),
    pytest.param(a_post(b"X-A: %s" % (b"a" * 9000)), 431, id="long header"),
    pytest.param(a_post(b"X-A: %s" % (b"a" * 9000))[:-20], 431, id="long header, incomplete"),
    pytest.param(a_post(*[b"X-%d: a" % number for number in range(72)]), 431, id="many headers"),
    pytest.param(a_post(b"Host: b"), 400, id="two hosts"),
    pytest.param(a_post(b"Transfer-Encoding: chunked", b"Content-Length: 2"), 400, id="two lengths"),
    pytest.param(a_post(b"Transfer-Encoding: chunked")[:-7] + b"zz\r\n", 400, id="odd chunk"),
]


@pytest.mark.parametrize(("behind", "status"), BEHIND_A_WHOLE_REQUEST)
@pytest.mark.parametrize("count", [1, 3])
async def test_whole_requests_are_kept_although_a_bad_one_follows_in_the_same_bytes(
    tmp_path, behind, status, count
):
    """Each has its own answer, in order, and then the connection is closed."""
    whole = a_request(b"x" * 100) + a_post() * (count - 1)
    async with running_edge(tmp_path) as edge:
        answers = await edge.talk(whole + behind)
        late = await edge.talk(whole[:-1], whole[-1:] + behind, pause=0.05)
        kept = edge.kept()

    assert [answer.status for answer in answers] == [200] * count + [status]
    assert [answer.status for answer in late] == [200] * count + [status]
    assert len(kept) == 2 * count


@pytest.mark.parametrize("behind", [b"x", b"{}", a_post(), b"BAD\r\n\r\n"])
async def test_what_follows_the_last_request_of_a_connection_is_ignored(tmp_path, behind):
    """RFC 9112, 9.6."""
    async with running_edge(tmp_path) as edge:
        answers = await edge.talk(a_post(b"Connection: close") + behind)
        kept = edge.kept()

    assert [answer.status for answer in answers] == [200]
    assert len(kept) == 1
