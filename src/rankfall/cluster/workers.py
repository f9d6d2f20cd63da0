"""Dask workers that compute on row blocks, and what happens when one is lost.

A block is a Dask task: where a worker dies, the scheduler computes its blocks again elsewhere, which reads their
partitions again. What is sent for one call (factors) lies on the workers only as long as the call; if some of it is
lost, the whole call is made again from the caller's arrays.
"""

import logging
from collections import defaultdict
from collections.abc import Callable, Sequence
from itertools import count
from typing import Any, TypeVar, cast

import numpy as np
from distributed import Client, Future
from distributed.client import FutureCancelledError
from distributed.comm import CommClosedError
from distributed.scheduler import KilledWorker, NoValidWorkerError, NoWorkerError

from rankfall.cluster.memory import out_of_memory, wait_for
from rankfall.errors import InputError
from rankfall.problems.layouts.row_block import sum_in_order
from rankfall.problems.layouts.row_blocks import ARITY, Workers, split_and_sum

# Calls that are made again when workers were lost, and how long a cluster without any worker is waited for.
_ATTEMPTS, _PATIENCE = 5, 60.0
# Bytes of a call up to which fewer messages cost less than a detour through the scheduler.
_SMALL = 2**22
# Seconds for a worker to be found that data are sent to.
_SENDING = 3.0
_LOST = (FutureCancelledError, CommClosedError, NoValidWorkerError, NoWorkerError, TimeoutError, OSError)

T = TypeVar("T")

_log = logging.getLogger(__name__)
_numbers = count()


class DaskWorkers(Workers):
    """The workers of a client's cluster.

    Parameters
    ----------
    client : distributed.Client
        Connected.

    Attributes
    ----------
    entries : int or None
        How many the workers hold, once that is known.
    """

    def __init__(self, client: Client) -> None:
        # its methods are typed as coroutines too, which they are in another mode
        self.client = cast(Any, client)
        self.entries: int | None = None

    def hold(self, blocks: Sequence[object]) -> list[object]:
        """Blocks of the caller as tasks: the scheduler keeps them too, to give them to another worker."""
        return [self.apply(_itself, block) for block in blocks]

    def apply(self, function: Callable[..., Any], *given: object) -> Future:
        """A task whose result stays on a worker, and is computed again where that is lost."""
        return self.client.submit(function, *given, pure=False, key=f"{function.__name__}-{next(_numbers)}")

    def map(
        self, function: Callable[..., Any], blocks: Sequence[object], parts: Sequence[Sequence[object]] = (),
        shared: Sequence[object] = (),
    ) -> list[Any]:  # fmt: skip
        """The function of every block, where the block is; again where workers were lost meanwhile.

        Raises
        ------
        InputError
            Where a task killed its worker again and again, or no worker is left.
        """
        return self._again(lambda: self._gathered(self._tasks(function, blocks, parts, shared)))

    def map_sum(
        self, function: Callable[..., tuple[Any, np.ndarray]], blocks: Sequence[object],
        parts: Sequence[Sequence[object]] = (), shared: Sequence[object] = (),
    ) -> tuple[list[Any], np.ndarray]:  # fmt: skip
        """The same; shares are summed by the workers, so that one of them comes here.

        Raises
        ------
        InputError
            As `map`.
        """

        def call() -> tuple[list[Any], np.ndarray]:
            found = self._tasks(function, blocks, parts, shared)
            if _is_small(parts, shared):
                return split_and_sum(self._gathered(found))
            own = [self.apply(_own, pair) for pair in found]
            shares = [self.apply(_share, pair) for pair in found]
            while len(shares) > 1:
                shares = [self.apply(_sum, *shares[k : k + ARITY]) for k in range(0, len(shares), ARITY)]
            *mine, total = self._gathered([*own, *shares])
            return mine, total

        return self._again(call)

    def _gathered(self, tasks: list[Future]) -> list[Any]:
        wait_for(self.client, tasks, self.entries)
        return self.client.gather(tasks, direct=True)

    def _again(self, call: Callable[[], T]) -> T:
        for attempt in range(1, _ATTEMPTS + 1):
            try:
                return call()
            except KilledWorker:
                raise InputError(out_of_memory(self.client, self.entries)) from None
            except _LOST as error:
                _log.info("a worker was lost (%s); its blocks are read again", type(error).__name__)
                if attempt == _ATTEMPTS:
                    raise InputError(
                        f"workers must live for the time of one gradient, {_ATTEMPTS} calls in a row lost one "
                        f"({type(error).__name__}); look into the workers' logs"
                    ) from None
                self._wait_for_workers()
        raise AssertionError

    def _tasks(
        self, function: Callable[..., Any], blocks: Sequence[object], parts: Sequence[Sequence[object]],
        shared: Sequence[object],
    ) -> list[Future]:  # fmt: skip
        """A task for each block, where the block is."""
        if _is_small(parts, shared):
            given = parts or [()] * len(blocks)
            return self.client.map(
                _called, blocks, [(*part, *shared) for part in given], function=function, pure=False,
                key=[f"{function.__name__}-{next(_numbers)}" for _ in blocks],
            )  # fmt: skip
        places = self._places(blocks)
        sent = self._send(parts or [()] * len(blocks), shared, places)
        return [
            self.client.submit(
                function, block, *given, pure=False, key=f"{function.__name__}-{next(_numbers)}", workers=[place],
                allow_other_workers=True,
            )
            for block, given, place in zip(blocks, sent, places, strict=True)
        ]  # fmt: skip

    def _places(self, blocks: Sequence[object]) -> list[str]:
        """The worker of each block."""
        wait_for(self.client, list(blocks), self.entries)
        for block in blocks:
            if isinstance(block, Future) and block.status == "error":
                block.result()
        holders = self.client.who_has(list(blocks))
        places = [next(iter(holders[block.key]), "") for block in blocks if isinstance(block, Future)]
        if not all(places):
            raise TimeoutError("a block was lost")
        return places

    def _send(
        self, parts: Sequence[Sequence[object]], shared: Sequence[object], places: Sequence[str]
    ) -> list[list[Future]]:
        """What each block's function receives, on the worker that has the block; what is shared goes there once."""
        of_worker: dict[str, list[int]] = defaultdict(list)
        for block, worker in enumerate(places):
            of_worker[worker].append(block)
        sent: list[list[Future]] = [[] for _ in places]
        for worker, blocks in of_worker.items():
            flat = [*shared, *(one for block in blocks for one in parts[block])]
            if not flat:
                continue
            futures = self.client.scatter(flat, workers=[worker], direct=True, hash=False, timeout=_SENDING)
            common, own = futures[: len(shared)], iter(futures[len(shared) :])
            for block in blocks:
                sent[block] = [*(next(own) for _ in parts[block]), *common]
        return sent

    def _wait_for_workers(self) -> None:
        try:
            self.client.wait_for_workers(1, timeout=_PATIENCE)
        except TimeoutError:
            raise InputError(
                f"a cluster needs at least one worker, got none in {_PATIENCE:.0f} s; start some by 'dask worker "
                f"{self.client.scheduler.address}'"
            ) from None


def gathered(
    workers: DaskWorkers, futures: Any, said: Callable[[BaseException], InputError], results: bool = True
) -> Any:
    """The results of tasks that read data, or, without `results`, that they are done.

    `said` puts what went wrong in them into a sentence.
    """
    wait_for(workers.client, futures, workers.entries)
    for one in futures if isinstance(futures, list) else [futures]:
        if one.status == "error":
            error = one.exception()
            if isinstance(error, KilledWorker):
                raise InputError(out_of_memory(workers.client, workers.entries)) from None
            raise said(error) from None
    return workers.client.gather(futures) if results else None


def _itself(block: object) -> object:
    return block


def _is_small(parts: Sequence[Sequence[object]], shared: Sequence[object]) -> bool:
    """Whether what a call sends may go with its tasks, through the scheduler, and what it sums come here unsummed."""
    sent = [*shared, *(one for part in parts for one in part)]
    return sum(one.nbytes for one in sent if isinstance(one, np.ndarray)) <= _SMALL


def _called(block: object, given: Sequence[object], function: Callable[..., Any]) -> Any:
    return function(block, *given)


def _own(pair: tuple[Any, Any]) -> Any:
    return pair[0]


def _share(pair: tuple[Any, Any]) -> Any:
    return pair[1]


def _sum(*shares: np.ndarray) -> np.ndarray:
    return sum_in_order(shares)
