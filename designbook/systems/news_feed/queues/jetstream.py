"""A queue in NATS JetStream: a stream with room for so many messages, and one consumer that all workers share.

A message that the stream has no room for is refused (`discard: new`), and stays in the outbox. JetStream keeps no
position within a job: what a dead worker had done is done again. A message that comes again within two minutes, because
the answer to the first was lost, is kept once.
"""

import asyncio
import json
from collections.abc import Coroutine, Hashable, Sequence
from threading import Thread
from typing import Any, TypeVar

import nats.errors
from nats.aio.client import Client
from nats.js.api import ConsumerConfig, DiscardPolicy, RetentionPolicy, StreamConfig
from nats.js.errors import APIError, NotFoundError

from designbook.systems.news_feed.errors import StoreDown
from designbook.systems.news_feed.posts import Job
from designbook.systems.news_feed.queues.port import LEASE, ROOM, Taken

NAME = "fan-out"
WAIT = 0.02
"""Seconds that a worker waits for a first job."""
ANSWER = 2.0
"""Seconds that the server has to answer."""
FULL = 10077
"""JetStream's error code for: maximum messages exceeded."""

T = TypeVar("T")


class JetStreamQueue:
    """A client whose event loop runs in a thread of its own. A receipt is the subject on which to answer a delivery."""

    def __init__(self, url: str, lease: float = LEASE, room: int = ROOM) -> None:
        """Connects to `url`, and makes the stream unless it is there with the `room` and `lease` of whoever made it.

        Raises StoreDown if nothing answers.
        """
        self._client = Client()
        self._loop = asyncio.new_event_loop()
        self._thread = Thread(target=self._loop.run_forever, daemon=True)
        self._thread.start()
        try:
            self._do(self._open(url, lease, room))
        except StoreDown:
            self.close()
            raise

    def put(self, jobs: Sequence[Job]) -> int:
        """Keep jobs for as long as there is room; all are on their way at once."""
        return self._do(self._publish(jobs))

    def take(self, limit: int) -> list[Taken]:
        """Up to `limit` jobs, those put first first; after `WAIT` none, if there are none."""
        return self._do(self._fetch(limit))

    def checkpoint(self, receipt: Hashable, after: int) -> None:
        """Begin the lease anew. `after` is not kept."""
        self._do(self._say(receipt, b"+WPI"))

    def acknowledge(self, receipt: Hashable) -> None:
        """The job is done."""
        self._do(self._say(receipt, b"+ACK"))

    def give_back(self, receipt: Hashable, delay: float) -> None:
        """Let the job be delivered again after `delay` seconds."""
        self._do(self._say(receipt, b"-NAK " + json.dumps({"delay": int(delay * 1e9)}).encode()))

    def size(self) -> int:
        """How many jobs are not acknowledged: the stream forgets a message that is."""
        return self._do(self._stream.stream_info(NAME)).state.messages

    def close(self) -> None:
        """Give the connection back, and end the thread."""
        if self._loop.is_running():
            asyncio.run_coroutine_threadsafe(self._client.close(), self._loop).result(ANSWER)
            self._loop.call_soon_threadsafe(self._loop.stop)
            self._thread.join()
            self._loop.close()

    async def _open(self, url: str, lease: float, room: int) -> None:
        options: dict[str, Any] = {"max_reconnect_attempts": -1, "reconnect_time_wait": 0.25, "error_cb": _ignore}
        await asyncio.wait_for(self._client.connect(url, **options), ANSWER)
        self._stream = self._client.jetstream(timeout=ANSWER)
        try:
            await self._stream.stream_info(NAME)
        except NotFoundError:
            bounds = StreamConfig(
                NAME, None, [NAME], RetentionPolicy.WORK_QUEUE, max_msgs=room, discard=DiscardPolicy.NEW
            )
            await self._stream.add_stream(bounds)
        workers = ConsumerConfig(ack_wait=lease, max_ack_pending=room)
        self._jobs = await self._stream.pull_subscribe(NAME, NAME, NAME, workers)

    async def _publish(self, jobs: Sequence[Job]) -> int:
        answers = await asyncio.gather(*map(self._publish_one, jobs))
        return answers.index(False) if False in answers else len(jobs)

    async def _publish_one(self, job: Job) -> bool:
        """Whether there was room."""
        try:
            await self._stream.publish(NAME, json.dumps(job).encode(), headers={"Nats-Msg-Id": str(job.post)})
        except APIError as error:
            if error.err_code == FULL:
                return False
            raise
        return True

    async def _fetch(self, limit: int) -> list[Taken]:
        try:
            messages = await self._jobs.fetch(limit, WAIT)
        except TimeoutError:
            return []
        return [Taken(message.reply, Job(*json.loads(message.data))) for message in messages]

    async def _say(self, receipt: Hashable, what: bytes) -> None:
        await self._client.request(str(receipt), what, ANSWER)

    def _do(self, work: Coroutine[Any, Any, T]) -> T:
        """Run `work` in the thread of the event loop. Raises StoreDown."""
        try:
            return asyncio.run_coroutine_threadsafe(work, self._loop).result()
        except (TimeoutError, nats.errors.Error, OSError) as error:
            raise StoreDown(f"NATS JetStream does not answer: {error}") from error


async def _ignore(error: Exception) -> None:
    """The client reconnects by itself, and each call says whether it was answered."""
