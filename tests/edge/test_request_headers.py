"""Only listed headers are kept, and addresses are truncated."""

import pytest

from telemetry_server.edge.request_headers import HeaderTooLarge, kept_headers, truncated_address


def test_only_listed_headers_are_kept_in_any_case():
    """Cookies and languages are not; names are in lower case, and repeated headers are joined."""
    kept, host = kept_headers(
        [
            (b"HOST", b"example.org"),
            (b"User-Agent", b"Fire\xe9"),
            (b"cookie", b"secret"),
            (b"Accept-Language", b"de"),
            (b"x-TELEMETRY-agent", b"Glean"),
            (b"X-Source-Tags", b"a"),
            (b"x-source-tags", b"b"),
        ],
        1024,
    )

    assert kept == {"user-agent": "Fireé", "x-telemetry-agent": "Glean", "x-source-tags": "a, b"}
    assert host == "example.org"


@pytest.mark.parametrize(
    ("value", "is_taken"),
    [(b"a" * 1024, True), (b"a" * 1025, False), (b"\xe9" * 512, True), (b"\xe9" * 513, False)],
)
def test_a_kept_header_is_measured_as_utf_8(value, is_taken):
    """It is read as Latin-1, so a byte above ASCII counts twice."""
    headers = [(b"User-Agent", value)]

    if is_taken:
        assert kept_headers(headers, 1024)[0] == {"user-agent": value.decode("latin-1")}
    else:
        with pytest.raises(HeaderTooLarge):
            kept_headers(headers, 1024)


@pytest.mark.parametrize(
    ("forwarded_for", "peer", "hops", "kept"),
    [
        (None, "192.0.2.77", 0, "192.0.2.0"),
        ("203.0.113.9", "192.0.2.77", 0, "192.0.2.0"),
        ("203.0.113.9", "192.0.2.77", 1, "203.0.113.0"),
        ("6.6.6.6, 203.0.113.9, 198.51.100.3", "192.0.2.77", 2, "203.0.113.0"),
        ("203.0.113.9", "192.0.2.77", 5, "203.0.113.0"),
        (None, "2001:db8:1:2:3::4", 0, "2001:db8:1::"),
        (None, "::ffff:192.0.2.77", 0, "192.0.2.0"),
        (None, "fe80::1%eth0", 0, "fe80::"),
        ("unknown", "192.0.2.77", 1, None),
        ("<script>", "192.0.2.77", 1, None),
        (None, None, 0, None),
    ],
)
def test_an_address_is_that_of_the_outermost_trusted_hop_truncated(forwarded_for, peer, hops, kept):
    """Clients can write anything before the entries of the trusted hops."""
    assert truncated_address(forwarded_for, peer, hops) == kept
