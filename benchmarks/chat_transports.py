"""Polling, long polling and WebSockets against the number of users and the polling interval."""

import asyncio
from dataclasses import replace
from typing import Any

from benchmarks.experiment import Say, experiment
from designbook.systems.chat import transports
from designbook.systems.chat.transport_trial import Setting, Transport, Trial, try_transport

USERS = (20, 100, 300)
WAYS: tuple[tuple[Transport, tuple[float, ...]], ...] = (
    ("polling", (0.5, 1.0, 2.0, 5.0)),
    ("long polling", (1.0,)),
    ("websocket", (1.0,)),
)
SETTING = Setting(rate=0.2, hold=5.0, heartbeat=5.0, trip=0.05, warm_up=4.0, seconds=10.0)
CODE = ["systems/chat/transport_trial.py", "systems/chat/transports.py"]


@experiment(code=CODE, versions=["starlette", "uvicorn", "websockets"])
def chat_transports(say: Say, seconds: float = SETTING.seconds) -> dict[str, Any]:
    """Requests, bytes and delays that real clients of each transport see, beside what the formulas predict."""
    trials = []
    for clients in USERS:
        for transport, intervals in WAYS:
            for interval in intervals:
                setting = replace(SETTING, clients=clients, interval=interval, seconds=seconds)
                found = asyncio.run(try_transport(transport, setting))
                trials.append(_row(transport, setting, found))
                say(", ".join(f"{key} {value}" for key, value in trials[-1].items()))
    shown = {"rate": SETTING.rate, "hold": SETTING.hold, "heartbeat": SETTING.heartbeat, "trip": SETTING.trip}
    return {**shown, "seconds": seconds, "trials": trials}


def _row(transport: Transport, setting: Setting, found: Trial) -> dict[str, Any]:
    """What was measured, and what the formulas give at the rate at which messages came."""
    rate = found.messages / setting.clients / setting.seconds
    if transport == "polling":
        requests = transports.poll_requests(setting.interval)
        size = transports.poll_bytes(rate, setting.interval, found.head, found.message)
        latency = transports.poll_latency(setting.interval, setting.trip)
    elif transport == "long polling":
        requests = transports.long_poll_requests(rate, setting.trip, setting.hold)
        size = transports.long_poll_bytes(rate, setting.trip, setting.hold, found.head, found.message)
        latency = transports.long_poll_latency(rate, setting.trip, setting.hold)
    else:
        requests = transports.socket_frames(rate, setting.heartbeat)
        size = transports.socket_bytes(rate, setting.heartbeat, found.head, found.message)
        latency = transports.socket_latency(setting.trip)
    return {
        "transport": transport,
        "users": setting.clients,
        "interval": setting.interval if transport == "polling" else None,
        "messages": found.messages,
        "requests": round(found.requests, 2),
        "requests_predicted": round(requests * setting.clients, 2),
        "bytes": round(found.bytes, 1),
        "bytes_predicted": round(size * setting.clients, 1),
        "latency": round(found.latency, 4),
        "latency_predicted": round(latency, 4),
        "p99": round(found.p99, 4),
        "head": found.head,
        "message": found.message,
    }
