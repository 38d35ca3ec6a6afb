"""The compiled reading of the head of a plain submit; see ``_head.c``."""

def head(
    received: bytes, max_headers: int, max_target_bytes: int, max_kept_header_bytes: int
) -> tuple[int, str, int, bool, bool, str | None, bytes] | None: ...
