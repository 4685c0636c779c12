"""The process of a subject: its streams, its time, and its end."""

import contextlib
import os
import signal
import subprocess
import tempfile
import threading
from typing import IO

from lstm_ref.protocol.wire import dump
from lstm_ref.runner.answers import Crashed, TimedOut
from lstm_ref.runner.launching import Launch

CLOSE_SECONDS = 2.0
LONGEST_LINE = 1 << 28
STDERR_TAIL = 1 << 14


class Ended(Exception):
    """The process is gone: why."""

    def __init__(self, answer: Crashed | TimedOut) -> None:
        super().__init__(answer)
        self.answer = answer


class Process:
    """A running command with its streams, in an empty folder of its own and in a
    session of its own: the terminal's Ctrl-C reaches only the judge.
    """

    def __init__(self, launch: Launch) -> None:
        self._folder = tempfile.TemporaryDirectory(prefix="lstm-ref-", ignore_cleanup_errors=True)
        try:
            self._process = subprocess.Popen(
                launch.command,
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=subprocess.PIPE,
                cwd=launch.folder or self._folder.name,
                env={**os.environ, "PYTHONWARNINGS": "", **launch.environment},
                start_new_session=True,
            )
        except OSError:
            self._folder.cleanup()
            raise
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        assert self._process.stderr is not None
        self._requests = self._process.stdin
        self._answers = self._process.stdout
        self._tail = _Tail(self._process.stderr)

    def alive(self) -> bool:
        return self._process.poll() is None

    def stderr(self) -> str:
        return self._tail.text()

    def exchange(self, line: bytes, seconds: float) -> bytes:
        """Send the line, if any, and wait for one. Raises Ended when the process ends,
        or does not answer in time and is killed.
        """
        if line:
            self._tail.clear()
        late = threading.Event()

        def end() -> None:
            late.set()
            self.kill()

        watch = threading.Timer(seconds, end)
        watch.daemon = True
        watch.start()
        answer = b""
        try:
            # A process that is gone shows as a broken pipe here or as the end of its
            # answers below.
            with contextlib.suppress(BrokenPipeError, ConnectionResetError):
                if line:
                    self._requests.write(line)
                    self._requests.flush()
            answer = self._answers.readline(LONGEST_LINE)
        finally:
            watch.cancel()
        if late.is_set():
            self._process.wait()
            raise Ended(TimedOut(seconds, self._tail.end(), answer))
        if not answer:
            raise Ended(Crashed(self._cause(), self._tail.end()))
        return answer

    def kill(self) -> None:
        """End the process and all processes that it started."""
        with contextlib.suppress(ProcessLookupError, PermissionError):
            if hasattr(os, "killpg"):
                os.killpg(self._process.pid, signal.SIGKILL)
            else:
                self._process.kill()

    def close(self) -> None:
        """Say bye, then end what does not leave, and read nothing more."""
        try:
            with contextlib.suppress(OSError):
                self._requests.write(dump({"message": "bye"}))
            for end in (self._requests.close, self._process.terminate, self.kill):
                with contextlib.suppress(OSError):
                    end()
                with contextlib.suppress(subprocess.TimeoutExpired):
                    self._process.wait(CLOSE_SECONDS)
                    break
        finally:
            self.kill()
            self._process.wait()
            self._tail.end()
            self._answers.close()
            with contextlib.suppress(OSError):
                self._requests.close()
            self._folder.cleanup()

    def _cause(self) -> str:
        try:
            code = self._process.wait(CLOSE_SECONDS)
        except subprocess.TimeoutExpired:
            self.kill()
            return "it closed its output and went on running"
        if code >= 0:
            return f"exit code {code}"
        try:
            return f"signal {signal.Signals(-code).name}"
        except ValueError:
            return f"signal {-code}"


class _Tail:
    """The end of a stream. A thread reads the stream, so that the process never has to
    wait for a reader.
    """

    def __init__(self, stream: IO[bytes]) -> None:
        self._stream = stream
        self._kept = bytearray()
        self._lock = threading.Lock()
        self._reader = threading.Thread(target=self._read, daemon=True)
        self._reader.start()

    def clear(self) -> None:
        with self._lock:
            self._kept.clear()

    def text(self) -> str:
        with self._lock:
            return self._kept.decode("utf-8", "replace")

    def end(self) -> str:
        """The text after the stream has ended. If another process keeps the stream
        open, this waits only for a moment.
        """
        self._reader.join(CLOSE_SECONDS)
        return self.text()

    def _read(self) -> None:
        with self._stream:
            while chunk := os.read(self._stream.fileno(), 1 << 12):
                with self._lock:
                    self._kept += chunk
                    del self._kept[:-STDERR_TAIL]
