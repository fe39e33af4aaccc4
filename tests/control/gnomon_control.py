"""A client of Gnomon's control socket (docs/control.md). Needs nothing but Python's own library; copy it where it is of use.

    with Machine(["./gnomon", "machine.toml"]) as machine:
        machine.wait_for_text("login:")
        machine.type_text("root\\n")
        print(machine.screen_text())
"""

import contextlib
import json
import os
import shutil
import socket
import subprocess
import tempfile
import time


class ControlError(Exception):
    """The machine's answer was an error."""

    def __init__(self, command, error):
        super().__init__(f"{command}: {error['desc']}")
        self.error_class = error["class"]
        self.description = error["desc"]


class Control:
    """One connection: commands are methods' names with '-' as '_', their parameters are keyword arguments."""

    def __init__(self, path, seconds=60):
        self.socket = socket.socket(socket.AF_UNIX)
        self.socket.settimeout(seconds)
        self.socket.connect(path)
        self.pending = b""
        self.events = []
        self.number = 0
        self.greeting = self._receive()["QMP"]
        self.execute("qmp_capabilities")

    def _receive(self):
        while b"\n" not in self.pending:
            data = self.socket.recv(65536)
            if not data:
                raise EOFError("the machine has closed the control socket" + self._why_closed())
            self.pending += data
        line, _, self.pending = self.pending.partition(b"\n")
        return json.loads(line)

    def _why_closed(self):
        """What else is known of a connection that has ended."""
        return "".join(f"; {event['event']}: {event['data']}" for event in self.events if event["event"] == "SHUTDOWN")

    def execute(self, command, **arguments):
        self.number += 1
        request = {"execute": command, "id": self.number}
        if arguments:
            request["arguments"] = {name.replace("_", "-"): value for name, value in arguments.items()}
        self.socket.sendall(json.dumps(request).encode() + b"\n")
        while True:
            answer = self._receive()
            if "event" in answer:
                self.events.append(answer)
            elif answer.get("id") == self.number:
                if "error" in answer:
                    raise ControlError(command, answer["error"])
                return answer["return"]

    def wait_event(self, name, seconds=60):
        """The next event of that name; those before it are dropped."""
        deadline = time.monotonic() + seconds
        while True:
            while self.events:
                event = self.events.pop(0)
                if event["event"] == name:
                    return event
            self.socket.settimeout(max(0.1, deadline - time.monotonic()))
            message = self._receive()
            if "event" in message:
                self.events.append(message)

    def screen_text(self):
        return "\n".join(self.execute("screen-text")["lines"])

    def wait_for_text(self, text, timeout=60, regex=False):
        self.socket.settimeout(timeout + 30)
        return self.execute("wait-for-text", text=text, timeout=timeout, regex=regex)

    def type_text(self, text):
        self.execute("type-text", text=text)

    def send_key(self, chord, **arguments):
        keys = [{"type": "qcode", "data": name} for name in chord.split("-")]
        self.execute("send-key", keys=keys, **arguments)

    def monitor(self, line):
        return self.execute("human-monitor-command", command_line=line)

    def close(self):
        self.socket.close()


class Machine(Control):
    """Gnomon started with a control socket of its own, and ended with it."""

    def __init__(self, command, seconds=60, **popen):
        self.folder = tempfile.mkdtemp(prefix="gnomon-control-")
        path = os.path.join(self.folder, "socket")
        self.process = subprocess.Popen([*command, "--control", "unix:" + path], **popen)
        try:
            deadline = time.monotonic() + seconds
            while True:
                # The socket's file is there a moment before anybody listens.
                with contextlib.suppress(FileNotFoundError, ConnectionRefusedError):
                    super().__init__(path, seconds)
                    return
                if self.process.poll() is not None:
                    raise EOFError(f"gnomon ended with status {self.process.returncode}")
                if time.monotonic() > deadline:
                    raise TimeoutError("no control socket in time")
                time.sleep(0.02)
        except BaseException:
            self.end()
            raise

    def _why_closed(self):
        try:
            status = f"; gnomon ended with status {self.process.wait(10)}"
        except subprocess.TimeoutExpired:
            status = "; gnomon still runs"
        return super()._why_closed() + status

    def end(self):
        if self.process.poll() is None:
            self.process.terminate()
            try:
                self.process.wait(10)
            except subprocess.TimeoutExpired:
                self.process.kill()
                self.process.wait()
        shutil.rmtree(self.folder, ignore_errors=True)

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.close()
        self.end()
