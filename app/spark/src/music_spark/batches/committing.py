"""Commits on a thread of their own: while PostgreSQL works on a batch, Spark reads the next one."""

from __future__ import annotations

import logging
import time
from concurrent.futures import Future, ThreadPoolExecutor

import pyarrow as pa

from music_spark.batches import batch, portions
from music_spark.batches.batch import Context

log = logging.getLogger(__name__)


class Committer:
    """Commits the batches of one run in their order, one at a time.

    Spark takes a batch for done when it was handed over, before it is committed. That is safe because Spark's
    checkpoint is scratch: after whatever fault a new run begins where PostgreSQL stands. What must not happen
    is that a batch is committed after one that was not; so the first fault ends the run. At most two batches
    are in memory: the one that is committed and the one that is read.
    """

    def __init__(self, context: Context) -> None:
        self._context = context
        self._thread = ThreadPoolExecutor(1, "commit")
        self._under_way: Future[None] | None = None
        self._taken = -1
        self._transactions = 0

    def take(self, batch_id: int, records: pa.Table) -> None:
        """Take over a batch, once the one before it is committed (it may have no records).

        Raises:
            RuntimeError: it does not follow the one before.
            Exception: what the commit of the batch before ended with.
        """
        if batch_id != self._taken + 1:
            raise RuntimeError(
                f"batch {batch_id} came after batch {self._taken}: the run ends before it leaves a gap"
            )
        if self._under_way:
            self._under_way.result()
        self._context.backlog.taken(len(records))
        if len(records):
            self._under_way = self._thread.submit(self._commit, batch_id, records)
        self._taken = batch_id

    @property
    def fault(self) -> BaseException | None:
        """What a commit ended with, if it failed."""
        return self._under_way.exception() if self._under_way and self._under_way.done() else None

    def close(self) -> None:
        """Wait for the commit under way: it ends, or gives up because the job was asked to stop."""
        self._thread.shutdown()

    def _commit(self, batch_id: int, records: pa.Table) -> None:
        began = time.monotonic()
        try:
            for portion in portions.split(records):
                batch.process(self._context, self._transactions, portion)
                self._transactions += 1
        finally:
            self._context.backlog.ended()
        log.info("batch %d: %d records committed in %.2f s", batch_id, len(records), time.monotonic() - began)
