"""A program for the supervisor's tests: `tests.config.actor WORD …` does what each word says, then waits for ever."""

from __future__ import annotations

import signal
import subprocess
import sys


def main(words: list[str]) -> None:
    """Play the words in order."""
    for word in words:
        match word.split("="):
            case ["deaf"]:
                signal.signal(signal.SIGTERM, signal.SIG_IGN)
            case ["parent"]:
                print("child", subprocess.Popen([sys.executable, "-c", "import signal; signal.pause()"]).pid)
            case ["say", text]:
                print(text)
            case ["half", text]:
                print(text, end="", flush=True)
            case ["exit", status]:
                sys.exit(int(status))
    signal.pause()


if __name__ == "__main__":
    main(sys.argv[1:])
