"""
The errors of histogram definitions.

::

    SpecError
    ├── BadBucketRange       buckets with these numbers do not exist
    ├── BadExpression        an expression for a number is not supported
    ├── BadDefinition        one definition of a file cannot be resolved to buckets
    ├── NotASpecFile         a text is not a Histograms.json, or has no usable definition
    ├── BrokenSpecFile       a file in the cache cannot be read, or is not a spec file
    ├── BadRevisionUrl       a text is not the URL of a revision
    ├── BadConstants         the file of symbolic constants is not valid
    ├── RevisionMissing      a source does not have the revision
    ├── SourceUnreachable    a source gave no usable answer; a later attempt may succeed
    │   └── SourceDown       it did not answer at all, so asking for other revisions is useless now
    ├── BadSource            a setting does not name a known source
    └── HistoryError         the stored history cannot be opened, or is from another version
"""


class SpecError(Exception):
    """Any error of a definition or of its source."""


class BadBucketRange(SpecError):
    """Buckets with these numbers do not exist."""


class BadExpression(SpecError):
    """An expression for a number is not supported."""


class BadDefinition(SpecError):
    """One definition of a spec file cannot be resolved to buckets."""


class NotASpecFile(SpecError):
    """A text is not a Histograms.json, or has no usable definition."""


class BrokenSpecFile(SpecError):
    """A file in the cache cannot be read, or is not a spec file.  The text names the file and what to do."""


class BadRevisionUrl(SpecError):
    """A text is not the URL of a revision."""


class BadConstants(SpecError):
    """The file of symbolic constants is not valid."""


class RevisionMissing(SpecError):
    """A source does not have the revision, or no spec file at it."""


class SourceUnreachable(SpecError):
    """A source gave no usable answer; a later attempt may succeed."""


class SourceDown(SourceUnreachable):
    """A source did not answer at all, so asking for other revisions is useless now."""


class BadSource(SpecError):
    """A setting does not name a known source."""


class HistoryError(SpecError):
    """The stored history cannot be opened, or was written by another version."""
