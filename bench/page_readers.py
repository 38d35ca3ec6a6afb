"""Readers that poll the reports, in a process of their own: they must not slow the client that measures."""

import sys
import threading
from collections import Counter
from urllib.request import urlopen

READERS = 3
PAUSE_SECONDS = 0.2
PAGES = ("/", "/api/v1/status", "/api/v1/pings", "/api/v1/submissions?by=hour", "/pings")
GIVE_UP_SECONDS = 120.0


def poll(url: str, number: int, stop: threading.Event, answers: Counter[int]) -> None:
    """Ask for one page after the other until *stop*."""
    position = number
    while not stop.wait(PAUSE_SECONDS):
        with urlopen(url + PAGES[position % len(PAGES)], timeout=GIVE_UP_SECONDS) as answer:
            answer.read()
        answers[number] += 1
        position += 1


def main() -> int:
    """Poll the reports at the address in the first argument until stdin ends; print the answers' number."""
    stop, answers = threading.Event(), Counter[int]()
    threads = [
        threading.Thread(target=poll, args=(sys.argv[1], number, stop, answers)) for number in range(READERS)
    ]
    for thread in threads:
        thread.start()
    sys.stdin.read()
    stop.set()
    for thread in threads:
        thread.join()
    print(answers.total())
    return 0


if __name__ == "__main__":
    sys.exit(main())
