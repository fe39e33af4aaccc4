#!/usr/bin/env python3
"""The control socket as QEMU's Python client (qemu.qmp) takes it, which no Debian package holds: its checks of greeting,
negotiation, replies and events, and its way of working, with several commands under way and every answer found by its ID.

    qmp_test.py --gnomon BINARY

With qemu.qmp at hand (pip install qemu.qmp, or PYTHONPATH=.../python into QEMU's source) that client itself is tried, too.
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
    # There is no object model: as the protocol says it of any command that is not there.
    for name, arguments in (("qom-list", {"path": "/machine"}), ("qom-get", {"path": "/machine", "property": "type"})):
        assert name not in [entry["name"] for entry in commands], name
        reply = await client.issue(name, **arguments)
        assert reply["error"] == {"class": "CommandNotFound", "desc": f"The command {name} has not been found"}, reply
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
    """Every command with QEMU's counterpart, and the events, by the client's public interface."""
    from qemu.qmp import ExecuteError, QMPClient

    client = QMPClient("test")
    await client.connect(path)
    folder = os.path.dirname(path)

    def chord(*names):
        return [{"type": "key", "data": {"down": down, "key": {"type": "qcode", "data": name}}} for down in [True, False] for name in names]

    assert (await client.execute("query-status"))["running"] is True
    with contextlib.suppress(ExecuteError):
        await client.execute("frobnicate")
        raise AssertionError("no error")
    with client.listener() as listener:
        async def event(name):
            while (found := await asyncio.wait_for(listener.get(), 60))["event"] != name:
                pass
            return found

        await client.execute("stop")
        await event("STOP")
        assert (await client.execute("query-status"))["status"] == "paused"
        await client.execute("cont")
        await event("RESUME")
        await client.execute("wait-for-text", {"text": "Press a key", "timeout": 50})
        await client.execute("send-key", {"keys": [{"type": "qcode", "data": "spc"}], "hold-time": 50})
        await client.execute("input-send-event", {"events": chord("shift", "a")})
        await client.execute("input-send-event", {"events": [{"type": "rel", "data": {"axis": "x", "value": 10}},
                                                             {"type": "btn", "data": {"down": True, "button": "left"}},
                                                             {"type": "btn", "data": {"down": False, "button": "left"}}]})
        for name, magic in [("dump.png", b"\x89PNG"), ("dump.ppm", b"P6")]:
            await client.execute("screendump", {"filename": f"{folder}/{name}"})
            with open(f"{folder}/{name}", "rb") as file:
                assert file.read(len(magic)) == magic
        with open(f"{folder}/disc.iso", "wb") as file:
            file.write(bytes(2048 * 64))
        await client.execute("blockdev-change-medium", {"id": "cdrom.2", "filename": f"{folder}/disc.iso"})
        disc = next(entry for entry in await client.execute("query-block") if entry["qdev"] == "cdrom.2")
        assert disc["inserted"]["image"]["virtual-size"] == 2048 * 64, disc
        await client.execute("eject", {"device": disc["device"]})
        text = await client.execute("human-monitor-command", {"command-line": "info registers"})
        assert "eip" in text, text
        await client.execute("savevm", {"filename": f"{folder}/state"})
        await client.execute("loadvm", {"filename": f"{folder}/state"})
        await client.execute("system_reset")
        assert (await event("RESET"))["data"]["guest"] is False
        # Two at a time: the answers find their callers.
        slow, quick = await asyncio.gather(client.execute("wait-for-text", {"text": "Press a key", "timeout": 50}),
                                           client.execute("query-status"))
        assert slow["line"].startswith("Press a key") and quick["running"], (slow, quick)
        await client.execute("system_powerdown")  # without ACPI the button cuts the power
        await event("POWERDOWN")
        assert "guest" in (await event("SHUTDOWN"))["data"]
    # The other side has left, which the client tells by an exception, as after QEMU's end.
    with contextlib.suppress(EOFError):
        await client.disconnect()


def run(gnomon, test):
    with tempfile.TemporaryDirectory() as folder:
        path = os.path.join(folder, "socket")
        process = subprocess.Popen([gnomon, "--display", "none", "--boot", "a", "--control", f"unix:{path}",
                                    "--set", "clock.mode=realtime", "--set", "cdrom.2.present=true", "--timeout", "200"])
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
