"""Readers that poll the reports, in a process of their own: they must not slow the client that measures."""

import os
import sys
import threading
from collections import Counter
from urllib.error import HTTPError
from urllib.request import urlopen

READERS = 3
PAUSE_SECONDS = 0.2
# Pages that update themselves in a browser, and routes that scripts ask.
PAGES = (
    *("/", "/pings?live=1", "/quarantine"),
    *("/api/v1/status", "/api/v1/pings", "/api/v1/submissions?by=hour", "/pings"),
)
GIVE_UP_SECONDS = 120.0
LOWEST_PRIORITY = 19
BUSY = 503  # a process of the lowest priority is slow on a busy machine


def poll(url: str, number: int, stop: threading.Event, answers: Counter[int]) -> None:
    """Ask for one page after the other until *stop*."""
    position = number
    while not stop.wait(PAUSE_SECONDS):
        try:
            with urlopen(url + PAGES[position % len(PAGES)], timeout=GIVE_UP_SECONDS) as answer:
                answer.read()
        except HTTPError as error:
            if error.code != BUSY:  # a browser tries again, too
                raise
        else:
            answers[number] += 1
        position += 1


def polled(url: str) -> int:
    """Poll until the next line of stdin; return the number of answers."""
    stop, answers = threading.Event(), Counter[int]()
    threads = [threading.Thread(target=poll, args=(url, number, stop, answers)) for number in range(READERS)]
    for thread in threads:
        thread.start()
    sys.stdin.readline()
    stop.set()
    for thread in threads:
        thread.join()
    return answers.total()


def main() -> int:
    """Poll the reports at the address in the first argument: one line of stdin begins, the next one ends."""
    os.nice(LOWEST_PRIORITY)  # readers are on other machines
    while sys.stdin.readline():
        print(polled(sys.argv[1]), flush=True)
    return 0


if __name__ == "__main__":
    sys.exit(main())
