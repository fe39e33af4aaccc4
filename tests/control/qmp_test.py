#!/usr/bin/env python3
"""The control socket as QEMU's Python client (qemu.qmp) takes it, which no Debian package holds: its checks of greeting,
negotiation, replies and events, and its way of working, with several commands under way and every answer found by its ID.

    qmp_test.py --gnomon BINARY

With qemu.qmp at hand (pip install qemu.qmp) that client itself is tried, too.
"""

import argparse
import asyncio
import contextlib
import json
import os
import subprocess
import tempfile
import time

LIMIT = 10 << 20  # the longest line that the client reads


class Client:
    """One message a line; a line that is no JSON object, or breaks a rule of the specification, is an error here."""

    def __init__(self):
        self.waiting = {}
        self.events = asyncio.Queue()
        self.number = 0

    async def connect(self, path):
        self.reader, self.writer = await asyncio.open_unix_connection(path, limit=LIMIT)
        self.greeting = await self.receive()
        version = self.greeting["QMP"]["version"]
        assert isinstance(self.greeting["QMP"]["capabilities"], list), self.greeting
        assert isinstance(version["package"], str), version
        assert all(isinstance(version["qemu"][part], int) for part in ["major", "minor", "micro"]), version
        # The message after the request is its answer: no event may come first. Arguments are there, if empty.
        self.send({"execute": "qmp_capabilities", "arguments": {}})
        reply = await self.receive()
        assert "return" in reply and "error" not in reply and "id" not in reply, reply
        self.task = asyncio.create_task(self.run())

    async def receive(self):
        line = await asyncio.wait_for(self.reader.readline(), 60)
        if not line:
            raise EOFError
        message = json.loads(line.decode("utf-8"))
        assert isinstance(message, dict), message
        return message

    def send(self, message):
        self.writer.write(json.dumps(message, separators=(",", ":")).encode())  # without a line end

    async def run(self):
        with contextlib.suppress(EOFError):
            while True:
                message = await self.receive()
                if "event" in message:
                    assert isinstance(message["event"], str) and isinstance(message.get("data", {}), dict), message
                    assert message["timestamp"]["seconds"] > 1_600_000_000, message
                    assert 0 <= message["timestamp"]["microseconds"] < 1_000_000, message
                    await self.events.put(message)
                    continue
                assert ("return" in message) != ("error" in message), message
                if "error" in message:
                    assert isinstance(message["error"]["class"], str) and isinstance(message["error"]["desc"], str), message
                self.waiting.pop(message["id"]).set_result(message)

    def issue(self, command, **arguments):
        """Begins a command; the answer is awaited elsewhere."""
        name = f"__qmp#{self.number:05d}"
        self.number += 1
        self.waiting[name] = asyncio.get_running_loop().create_future()
        self.send({"execute": command, "arguments": arguments, "id": name})
        return asyncio.wait_for(self.waiting[name], 60)

    async def execute(self, command, **arguments):
        reply = await self.issue(command, **arguments)
        assert "return" in reply, reply
        return reply["return"]


async def rules(path):
    client = Client()
    await client.connect(path)
    status = await client.execute("query-status")
    assert isinstance(status["running"], bool) and isinstance(status["status"], str), status
    commands = await client.execute("query-commands")
    assert all(isinstance(entry["name"], str) for entry in commands), commands
    assert isinstance(await client.execute("human-monitor-command", **{"command-line": "info status"}), str)
    # One waits, the others go on behind it, in order; every answer finds its caller.
    texts = [client.issue("wait-for-text", text="no such text", timeout=0.3), client.issue("query-status"),
             client.issue("frobnicate"), client.issue("stop"), client.issue("query-status"), client.issue("cont")]
    replies = await asyncio.gather(*texts)
    assert replies[0]["error"]["class"] == "GenericError", replies[0]
    assert replies[1]["return"]["running"] is True and replies[4]["return"]["running"] is False, replies
    assert replies[2]["error"]["class"] == "CommandNotFound", replies[2]
    assert [(await client.events.get())["event"] for _ in range(2)] == ["STOP", "RESUME"]
    # An ID may be any value; one that is not given is not answered with.
    for name in [7, {"a": [1, None]}, ["x"], "Grüße"]:
        future = asyncio.get_running_loop().create_future()
        key = json.dumps(name, sort_keys=True)
        client.waiting = KeyByJson({key: future})
        client.send({"execute": "query-version", "id": name})
        assert (await asyncio.wait_for(future, 60))["id"] == name
    client.waiting = {}
    other = Client()  # negotiates while the first gets events
    client.send({"execute": "stop", "id": "a"})
    client.waiting = {"a": asyncio.get_running_loop().create_future()}
    await other.connect(path)
    await other.execute("cont")
    await other.execute("quit")
    assert (await asyncio.wait_for(drain(client, "SHUTDOWN"), 60))["data"]["guest"] is False
    await asyncio.wait_for(client.task, 60)  # ends with the stream, without an exception
    await asyncio.wait_for(other.task, 60)


class KeyByJson(dict):
    def pop(self, key):
        return super().pop(json.dumps(key, sort_keys=True))


async def drain(client, name):
    while True:
        event = await client.events.get()
        if event["event"] == name:
            return event


async def with_the_client_itself(path):
    from qemu.qmp import ExecuteError, QMPClient

    client = QMPClient("test")
    await client.connect(path)
    assert (await client.execute("query-status"))["running"] is True
    try:
        await client.execute("frobnicate")
    except ExecuteError as error:
        assert error.error_class == "CommandNotFound"
    else:
        raise AssertionError("no error")
    with client.listener(("STOP",)) as listener:
        await client.execute("stop")
        assert (await listener.get())["event"] == "STOP"
    await client.execute("quit")
    await client.disconnect()


def run(gnomon, test):
    with tempfile.TemporaryDirectory() as folder:
        path = os.path.join(folder, "socket")
        process = subprocess.Popen([gnomon, "--display", "none", "--boot", "a", "--control", f"unix:{path}",
                                    "--set", "clock.mode=realtime", "--timeout", "200"])
        try:
            deadline = time.monotonic() + 60
            while not os.path.exists(path):
                assert process.poll() is None and time.monotonic() < deadline, "no control socket"
                time.sleep(0.02)
            asyncio.run(test(path))
            assert process.wait(30) == 0
        finally:
            process.kill()
            process.wait()


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--gnomon", required=True)
    options = parser.parse_args()
    run(options.gnomon, rules)
    try:
        import qemu.qmp  # noqa: F401
    except ImportError:
        print("qemu.qmp itself is not installed: its rules were checked")
    else:
        run(options.gnomon, with_the_client_itself)
    print("passed")


if __name__ == "__main__":
    main()
