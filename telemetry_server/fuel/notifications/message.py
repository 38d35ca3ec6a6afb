"""The message to support about a failure, as JSON and as an e-mail."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from email.headerregistry import Address
from email.message import EmailMessage
from email.utils import format_datetime
from typing import Any

from telemetry_server.fuel.database.failure_reads import StoredFailure, StoredMessage
from telemetry_server.fuel.database.failure_writes import Kind

MAX_SUBJECT_CHARACTERS = 160
MAX_LINE_CHARACTERS = 500
MAX_SHOWN_NODES = 50


@dataclass(frozen=True, slots=True)
class Failure:
    """One failure with its contact, as support sees it."""

    stored: StoredFailure
    times: int
    contact: Mapping[str, Any] | None
    contact_problem: str | None = None  # why the contact is missing

    def as_json(self) -> dict[str, Any]:
        """Return the fields of a notification."""
        stored = self.stored
        return {
            "report_id": stored.report_id,
            "master_node_uid": stored.master_node_uid,
            "cluster_id": stored.cluster_id,
            "operation": stored.operation,
            "external_id": stored.external_id,
            "occurred_at": None if stored.occurred_at is None else stored.occurred_at.isoformat(),
            "received_at": stored.received_at.isoformat(),
            "error": stored.error,
            "environment": stored.environment,
            "contact": None if self.contact is None else dict(self.contact),
            **({} if self.contact_problem is None else {"contact_problem": self.contact_problem}),
            "count": self.times,
        }


@dataclass(frozen=True, slots=True)
class Message:
    """What a sink delivers."""

    stored: StoredMessage
    failures: tuple[Failure, ...]
    instance_name: str
    reports_url: str  # empty: the message has no link

    @property
    def message_id(self) -> str:
        """The same for every try, so that a receiver can tell a repeat."""
        return self.stored.message_id

    def as_json(self) -> dict[str, Any]:
        """Return what a webhook or a file gets: the fields of the failure, or a list in a digest."""
        common = {
            "kind": str(self.stored.kind),
            "message_id": self.message_id,
            "instance": self.instance_name,
            "link": self.link,
        }
        if self.stored.kind is Kind.FAILURE and self.failures:
            return common | self.failures[0].as_json() | {"earlier_count": self.stored.earlier_times}
        return common | {
            "master_node_uid": self.stored.master_node_uid,
            "count": self.stored.times,
            "failures": [failure.as_json() for failure in self.failures],
        }

    @property
    def link(self) -> str:
        """The address of the page about it."""
        if not self.reports_url:
            return ""
        if self.stored.kind is Kind.FAILURE:
            return f"{self.reports_url}/fuel/failures/{self.message_id}"
        return f"{self.reports_url}/fuel/failures"

    def as_email(self, sender: str, recipient: str) -> EmailMessage:
        """Return the message as an e-mail, the same for every try."""
        mail = EmailMessage()
        mail["Message-ID"] = f"<{self.message_id}@{sender.rpartition('@')[2]}>"
        mail["Date"] = format_datetime(self.stored.created_at)
        mail["From"] = Address("Failure reports", addr_spec=sender)
        mail["To"] = Address(addr_spec=recipient)
        mail["Subject"] = self._subject()
        mail["Auto-Submitted"] = "auto-generated"
        reply_to = self._reply_to()
        if reply_to is not None:
            mail["Reply-To"] = reply_to
        mail.set_content(self._text())
        return mail

    def _subject(self) -> str:
        prefix = f"[{self.instance_name}] " if self.instance_name else ""
        if self.stored.kind is Kind.DIGEST or not self.failures:
            text = f"{self.stored.times} failures of installation {self.stored.master_node_uid}"
        else:
            failure = self.failures[0].stored
            summary = failure.error.get("summary") or failure.error.get("type") or "no summary"
            text = f"{_what(failure)} failed: {summary}"
        return _line(prefix + text)[:MAX_SUBJECT_CHARACTERS]

    def _reply_to(self) -> Address | None:
        contacts = {failure.contact["email"] for failure in self.failures if failure.contact is not None}
        if len(contacts) != 1:
            return None
        try:
            return Address(addr_spec=contacts.pop())
        except (ValueError, IndexError, AttributeError):
            return None  # an address that mail does not know; it is in the text

    def _text(self) -> str:
        lines: list[str] = []
        if self.stored.kind is Kind.DIGEST:
            lines += [
                f"{self.stored.times} failures of installation {self.stored.master_node_uid}"
                " waited because of the limit of messages.",
                "",
            ]
        for failure in self.failures:
            lines += [*_lines_of(failure), ""]
        if self.stored.earlier_times:
            lines += [
                f"The same failure was reported {self.stored.earlier_times} times before this message.",
                "",
            ]
        if self.link:
            lines += [self.link, ""]
        return "\n".join(lines)


def _lines_of(failure: Failure) -> list[str]:
    stored, error = failure.stored, failure.stored.error
    nodes = error.get("failed_nodes") or []
    values: list[tuple[str, object]] = [
        ("Installation", stored.master_node_uid),
        ("Environment", stored.cluster_id),
        ("Operation", stored.operation),
        ("Failed at", _moment(stored.occurred_at or stored.received_at)),
        ("Error", error.get("type")),
        ("Summary", error.get("summary")),
        *(
            ("Failed node", f"{node.get('id')} ({'+'.join(map(str, node.get('roles') or []))})"
             f" {node.get('error_type') or ''}")
            for node in nodes[:MAX_SHOWN_NODES]
        ),
        *((f"environment.{name}", value) for name, value in sorted(stored.environment.items())),
        ("Reports", failure.times if failure.times > 1 else None),
        ("Report", stored.report_id),
    ]  # fmt: skip
    lines = [_line(f"{name}: {value}") for name, value in values if value not in (None, "")]
    if failure.contact is None:
        return [*lines, f"Contact: {failure.contact_problem or 'removed'}"]
    contact = failure.contact
    lines.append(_line(f"Contact: {contact['first_name']} {contact['last_name']} <{contact['email']}>"))
    lines.append(_line(f"Company: {contact['company']}"))
    others = (("Phone", "phone"), ("Job title", "job_title"), ("Country", "country"))
    return lines + [_line(f"{title}: {contact[name]}") for title, name in others if contact.get(name)]


def _what(failure: StoredFailure) -> str:
    where = "" if failure.cluster_id is None else f" in environment {failure.cluster_id}"
    return f"{failure.operation or 'an operation'}{where} of {failure.master_node_uid}"


def _moment(moment: datetime) -> str:
    return f"{moment:%Y-%m-%d %H:%M:%S} UTC"


def _line(text: str) -> str:
    """Return *text* on one line, of printable characters."""
    words = " ".join(text.split())
    plain = "".join(character if character.isprintable() else "\ufffd" for character in words)
    return plain[:MAX_LINE_CHARACTERS]
