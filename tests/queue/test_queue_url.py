"""The addresses of queues."""

import shutil

import pytest

from telemetry_server.queue.errors import BadQueueUrl
from telemetry_server.queue.queue_url import parse_queue_url
from tests.support.certificates import make_pair

GOOD = {
    "nats://localhost/PINGS": ("nats", ("localhost:4222",), "PINGS", "", "", False),
    "nats://localhost:14222/PINGS": ("nats", ("localhost:14222",), "PINGS", "", "", False),
    "nats+tls://a,b:1/PINGS": ("nats", ("a:4222", "b:1"), "PINGS", "", "", True),
    "nats://ada:p%40ss@[::1]/PINGS": ("nats", ("[::1]:4222",), "PINGS", "ada", "p@ss", False),
    "kafka://localhost/pings": ("kafka", ("localhost:9092",), "pings", "", "", False),
    "kafka+tls://u:p@b1:9093,b2:9093/pings": ("kafka", ("b1:9093", "b2:9093"), "pings", "u", "p", True),
    "kafka://[::1],b_2:9093,[fe80::A%eth0]:1/pings": (
        "kafka",
        ("[::1]:9092", "b_2:9093", "[fe80::a%eth0]:1"),
        "pings",
        "",
        "",
        False,
    ),
    "nats://ada:1,p@ss@a,b/PINGS": ("nats", ("a:4222", "b:4222"), "PINGS", "ada", "1,p@ss", False),
    "nats://ada:1,2@a,b/PINGS": ("nats", ("a:4222", "b:4222"), "PINGS", "ada", "1,2", False),
    "file:///srv/edge": ("file", (), "/srv/edge", "", "", False),
}
BAD = [
    "",
    "pings",
    "http://localhost/pings",
    "nats://localhost",
    "nats://localhost/",
    "nats://localhost/a/b",
    "nats:///PINGS",
    "nats://localhost:port/PINGS",
    "nats://localhost:99999/PINGS",
    "nats://localhost/PINGS?x=1",
    "kafka://token@localhost/pings",
    "file://host/srv",
    "file:relative",
]


@pytest.mark.parametrize("text", GOOD)
def test_a_url_names_broker_stream_and_credentials(text):
    url = parse_queue_url(text)

    assert (url.scheme, url.hosts, url.name, url.user, url.password, url.uses_tls) == GOOD[text]


@pytest.mark.parametrize("text", BAD)
def test_another_text_is_refused_without_its_password(text):
    with pytest.raises(BadQueueUrl) as refused:
        parse_queue_url(text.replace("token", "secret"))

    assert "secret" not in str(refused.value)


def test_the_shown_url_has_no_credentials():
    assert parse_queue_url("nats+tls://ada:secret@host/PINGS").shown == "nats+tls://host:4222/PINGS"


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ("ada:secret\n", ("ada", "secret", "")),
        ("s3cr3t", ("", "", "s3cr3t")),
    ],
)
def test_credentials_may_be_in_a_file(tmp_path, text, found):
    file = tmp_path / "credentials"
    file.write_text(text)
    url = parse_queue_url("nats://host/PINGS", credentials_file=file)

    assert (url.user, url.password, url.token) == found


def test_a_creds_file_is_recognised(tmp_path):
    file = tmp_path / "user.creds"
    file.write_text("-----BEGIN NATS USER JWT-----\neyJ0\n------END NATS USER JWT------\n")

    assert parse_queue_url("nats://host/PINGS", credentials_file=file).creds_file == file


@pytest.mark.parametrize("text", ["", "a:b\nc:d"])
def test_a_file_without_one_line_of_credentials_is_refused(tmp_path, text):
    file = tmp_path / "credentials"
    file.write_text(text)

    with pytest.raises(BadQueueUrl, match="one line"):
        parse_queue_url("nats://host/PINGS", credentials_file=file)


def test_credentials_in_two_places_are_refused(tmp_path):
    file = tmp_path / "credentials"
    file.write_text("a:b")

    with pytest.raises(BadQueueUrl, match="keep one"):
        parse_queue_url("nats://a:b@host/PINGS", credentials_file=file)


@pytest.mark.skipif(shutil.which("openssl") is None, reason="openssl is not installed")
def test_a_file_of_certificates_turns_on_tls(tmp_path):
    certificate, key = make_pair(tmp_path, "host.example")

    assert parse_queue_url("nats://host/PINGS", ca_file=certificate).uses_tls
    for other in (key, tmp_path / "missing"):
        with pytest.raises(BadQueueUrl, match="queue_ca_file"):
            parse_queue_url("nats://host/PINGS", ca_file=other)


def test_a_part_of_a_password_with_a_slash_is_not_shown():
    with pytest.raises(BadQueueUrl) as refused:
        parse_queue_url("nats://ada:secret/word@host")

    assert "secret" not in str(refused.value)


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("nats://a:4222,b:port,c/PINGS", "host 2 of 3: the port must be a number"),
        ("nats://ada:secret@a,b:99999/PINGS", "host 2 of 2: the port must be a number"),
        ("kafka://a,,c/pings", "host 2 of 3: no host is named"),
        ("nats://localhost:port/PINGS", "the port must be a number"),
        ("nats://localhost:0/PINGS", "the port must be a number from 1 to 65535"),
        ("nats://a,b:0/PINGS", "host 2 of 2: the port must be a number from 1 to 65535"),
        ("nats://a b/PINGS", "a host is a name of letters"),
        ("kafka://a,b%20c:1/pings", "host 2 of 2: a host is a name of letters"),
        ("nats://[::1/PINGS", "an IPv6 address is written between [ and ]"),
        ("nats://[::1],[::2/PINGS", "host 2 of 2: an IPv6 address is written between [ and ]"),
        ("nats://::1/PINGS", "an IPv6 address is written between [ and ]"),
        ("nats://[::1],[::g]:1/PINGS", "host 2 of 2: an IPv6 address is written"),
        ("file://relative", "the path of a data root must be absolute; write file:///DATA_ROOT"),
    ],
)
def test_what_is_wrong_with_a_host_is_named(text, says):
    with pytest.raises(BadQueueUrl) as refused:
        parse_queue_url(text)

    assert str(refused.value).startswith(says)


@pytest.mark.parametrize(
    "text",
    [
        "nats://ada:uno,due:x/y@host/PINGS",
        "nats://ada:uno,due:x/y@host",
        "nats://ada:uno,due:x/y%40host",
        "nats://host1:4222,ada:uno:4222/P",
    ],
)
def test_a_part_of_a_password_is_not_shown_as_one_of_several_hosts(text):
    """A comma in it separates hosts, as long as its slash is not percent-encoded."""
    with pytest.raises(BadQueueUrl) as refused:
        parse_queue_url(text)

    assert "uno" not in str(refused.value)
    assert "due" not in str(refused.value)


@pytest.mark.parametrize(
    "places", ["u:secret@a,u:secret@b", "secret@a,secret@b", "a,u:secret@b", "a:1,[::1],u:secret@b"]
)
def test_credentials_for_each_host_are_refused(places):
    """They would become a part of the one user and password."""
    with pytest.raises(BadQueueUrl, match="credentials are written once, before the first host") as refused:
        parse_queue_url(f"nats://{places}/PINGS")

    assert "secret" not in str(refused.value)
