"""
What can go wrong with histogram definitions.

::

    SpecError
    ├── BadBucketRange       no buckets exist for these numbers
    ├── BadExpression        a number is written in a way that we do not evaluate
    ├── BadDefinition        one definition of a file cannot be resolved to buckets
    ├── NotASpecFile         a text is not a Histograms.json, or nothing in it is usable
    ├── BrokenSpecFile       a file in the cache cannot be read, or is not a spec file
    ├── BadRevisionUrl       a text is not the URL of a revision
    ├── BadConstants         the file of symbolic constants is not one
    ├── RevisionMissing      a source answers that it has no such revision
    ├── SourceUnreachable    a source gave no usable answer; a later try may
    │   └── SourceDown       it did not answer at all: no other revision will fare better now
    ├── BadSource            a setting names no source that we know
    └── HistoryError         the stored history cannot be opened, or is from another version
"""


class SpecError(Exception):
    """Anything that was wrong with a definition, or with where it should come from."""


class BadBucketRange(SpecError):
    """No buckets exist for these numbers."""


class BadExpression(SpecError):
    """A number is written in a way that we do not evaluate."""


class BadDefinition(SpecError):
    """One definition of a spec file cannot be resolved to buckets."""


class NotASpecFile(SpecError):
    """A text is not a Histograms.json, or nothing in it is usable."""


class BrokenSpecFile(SpecError):
    """A file in the cache cannot be read, or is not a spec file.  The text names the file and what to do."""


class BadRevisionUrl(SpecError):
    """A text is not the URL of a revision."""


class BadConstants(SpecError):
    """The file of symbolic constants is not one."""


class RevisionMissing(SpecError):
    """A source answers that it has no such revision, or no spec file at it."""


class SourceUnreachable(SpecError):
    """A source gave no usable answer; a later try may."""


class SourceDown(SourceUnreachable):
    """A source did not answer at all: no other revision will fare better now."""


class BadSource(SpecError):
    """A setting names no source that we know."""


class HistoryError(SpecError):
    """The stored history cannot be opened, or was written by another version."""
