"""A cable between the product and a server, made to be cut: a proxy from one unix socket to another."""

from __future__ import annotations

import asyncio
import contextlib
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path


class Cable:
    """While cut, connections are refused and those that existed are gone."""

    def __init__(self, here: Path, there: Path) -> None:
        self.here = here
        self._there = there
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._loop.run_forever, daemon=True)
        self._server: asyncio.Server | None = None
        self._links: set[asyncio.StreamWriter] = set()

    def start(self) -> None:
        self._thread.start()
        self.mend()

    def cut(self) -> None:
        """Refuse connections and drop those under way."""
        asyncio.run_coroutine_threadsafe(self._close(), self._loop).result(10)

    def mend(self) -> None:
        """Let connections through again."""
        asyncio.run_coroutine_threadsafe(self._open(), self._loop).result(10)

    def stop(self) -> None:
        self.cut()
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join(10)
        self._loop.close()

    async def _open(self) -> None:
        self.here.unlink(missing_ok=True)
        self._server = await asyncio.start_unix_server(self._connected, str(self.here))
        self.here.chmod(0o777)

    async def _close(self) -> None:
        if self._server is not None:
            self._server.close()
            self._server = None
        self.here.unlink(missing_ok=True)
        for link in tuple(self._links):
            link.transport.abort()
        current = asyncio.current_task()
        tasks = [task for task in asyncio.all_tasks() if task is not current]
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)

    async def _connected(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        server_reader, server_writer = await asyncio.open_unix_connection(str(self._there))
        links = {writer, server_writer}
        self._links |= links
        try:
            await asyncio.gather(_pump(reader, server_writer), _pump(server_reader, writer))
        finally:
            self._links -= links
            for link in links:
                link.transport.abort()


async def _pump(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    with contextlib.suppress(ConnectionError):
        while data := await reader.read(65536):
            writer.write(data)
            await writer.drain()
    writer.transport.abort()


@contextmanager
def cable(here: Path, there: Path) -> Iterator[Cable]:
    """Lay a cable for the length of a journey."""
    laid = Cable(here, there)
    laid.start()
    try:
        yield laid
    finally:
        laid.stop()
