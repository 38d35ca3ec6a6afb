#!/usr/bin/env bash
# uuid7 0.1.0 (Python) makes identifiers of version 7, which RFC 9562 begins with the milliseconds since 1970.
# Expected: other readers of version 7 see the time at which the identifier was made, and sorting the identifiers of all
# clients sorts them by time.
# Seen: uuid7 writes seconds in 36 bits and a fraction after them, under the same number of the version.  Others read
# a time about 176 years too late, without an error, and all its identifiers come before those of the others.  For
# 2026-11-29 10:00 UTC:
#   made by                 begins with     read by uuid-utils 1.2.0
#   uuid7 0.1.0             06b0bf7a        2203-01-30
#   RFC 9562                019ace5d        2025-11-29
