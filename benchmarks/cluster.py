"""A fit on a local Dask cluster, and Spark's ALS on the same ratings: `python -m benchmarks.cluster --millions 10`.

Synthetic ratings in partitioned parquet: popular rows and columns, a planted matrix of rank 10 and noise of deviation
0.5, of a table of 10,000 × 1,000 a million ratings (1,000,000 × 100,000 at a hundred million). A hundredth more is kept
for testing. The floor is that of `benchmarks.size`: noise · √(1 + r (m + n − r)/|Ω|).

Rankfall gets the ratings and a width, chooses popularity, scaling and stopping time, and fits. Spark's ALS gets the
planted rank and the ratings less their mean; its regularization is the best of four on a tenth of the training ratings,
whose time is counted, as ours is. Each runs in a process of its own; peak memory is that of the driver and of the
largest worker, by the operating system; for Spark that of its Java process.
"""

import argparse
import json
import resource
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

import numpy as np

ROWS, COLS, RANK, NOISE, TESTED = 10_000, 1_000, 10, 0.5, 0.01
PART = 4_000_000
NAMES = ["user", "item", "rating"]
METHODS = ("rankfall", "spark")
COLUMNS = ("method", "ratings", "seconds", "driver MB", "worker MB", "test RMSE", "above floor")


def write_ratings(count: int, folder: Path) -> None:
    """Partitions of ratings for training in train/, and of a hundredth as many for testing in test/."""
    import pandas as pd

    m, n = shape_of(count)
    rng = np.random.default_rng(0)
    left, right = rng.standard_normal((m, RANK)).astype(np.float32), rng.standard_normal((n, RANK)).astype(np.float32)
    parts = max(4, -(-count // PART))
    popular = 1 / np.arange(1, n + 1) ** 0.6
    ends = np.cumsum(rng.permutation(popular) / popular.sum())
    for name in ("train", "test"):
        (folder / name).mkdir()
    for part in range(parts):
        # rows of a partition are spread over the whole table; no pair is in two partitions
        rows = np.arange(part, m, parts)
        busy = rng.permutation(1 / np.arange(1, rows.size + 1) ** 0.6)
        wanted = round((1 + TESTED) * count / parts)
        pairs = np.zeros(0, np.int64)
        while pairs.size < wanted:
            drawn = rows[np.searchsorted(np.cumsum(busy / busy.sum()), rng.random(wanted)).clip(0, rows.size - 1)]
            pairs = np.union1d(pairs, drawn * n + np.searchsorted(ends, rng.random(wanted)).clip(0, n - 1))
        pairs = rng.permutation(pairs)[:wanted]
        i, j = np.divmod(pairs, n)
        values = 3.5 + np.einsum("ek,ek->e", left[i], right[j]) / RANK**0.5 + NOISE * rng.standard_normal(wanted)
        frame = pd.DataFrame(
            {"user": i.astype(np.int32), "item": j.astype(np.int32), "rating": values.astype(np.float32)}
        )
        tested = round(wanted * TESTED / (1 + TESTED))
        frame[tested:].to_parquet(folder / "train" / f"part-{part:04}.parquet", index=False)
        frame[:tested].to_parquet(folder / "test" / f"part-{part:04}.parquet", index=False)


def shape_of(count: int) -> tuple[int, int]:
    """(m, n) for a number of ratings."""
    return max(200, round(ROWS * count / 1e6)), max(100, round(COLS * count / 1e6))


def fit_rankfall(folder: Path, width: int, workers: int, memory: str) -> dict[str, float]:
    """Seconds, megabytes and test error of a fit on a local cluster."""
    import pandas as pd
    from distributed import Client, LocalCluster

    import rankfall as rf
    from rankfall import cluster

    options: dict[str, Any] = {"memory_limit": memory, "dashboard_address": None, "silence_logs": 40}
    with LocalCluster(n_workers=workers, threads_per_worker=1, **options) as local, Client(local) as client:
        begun = time.perf_counter()
        frame = cluster.read_frame(str(folder / "train" / "*.parquet"), NAMES)
        model: Any = rf.DeepMatrixFactorization(depth=2, width=width, features=False)
        stages: list[tuple[str, float]] = []
        cluster.fit(model, frame, NAMES, progress=lambda stage, share: stages.append((stage, time.perf_counter())))
        seconds = time.perf_counter() - begun
        peaks: Any = client.run(_peak)
        print(f"  read and dealt out after {stages[0][1] - begun:.1f} s" if stages else "", file=sys.stderr)
        for trial in model.selection_.trials:
            print(f"  {trial.candidate}: {trial.evaluations} gradients, {trial.seconds:.1f} s", file=sys.stderr)
        test: Any = pd.read_parquet(folder / "test")
        places = np.searchsorted(model.row_labels_, test["user"]), np.searchsorted(model.column_labels_, test["item"])
        error = float(np.sqrt(np.mean((model.set_params(decimals=None).predict(*places) - test["rating"]) ** 2)))
    return {"seconds": seconds, "driver": _peak(), "worker": max(peaks.values()), "error": error}


def fit_spark(folder: Path, workers: int, memory: str) -> dict[str, float]:
    """The same of Spark's ALS with the planted rank, regularization by a tenth of the training ratings."""
    from pyspark.ml.recommendation import ALS
    from pyspark.sql import SparkSession, functions

    session: Any = SparkSession.builder
    spark: Any = (
        session.master(f"local[{workers}]")
        .config("spark.driver.memory", f"{2 * int(memory.removesuffix('GB'))}g")
        .config("spark.ui.enabled", "false").config("spark.sql.shuffle.partitions", 4 * workers).getOrCreate()
    )  # fmt: skip
    spark.sparkContext.setLogLevel("ERROR")
    begun = time.perf_counter()
    ratings = spark.read.parquet(str(folder / "train"))
    center = ratings.select(functions.avg("rating")).first()[0]
    ratings = ratings.withColumn("rating", functions.col("rating") - center)
    fitted, held = ratings.randomSplit([0.9, 0.1], seed=0)

    def als(penalty: float, data: Any) -> Any:
        return ALS(
            rank=RANK, regParam=penalty, userCol="user", itemCol="item", ratingCol="rating", coldStartStrategy="drop",
            seed=0,
        ).fit(data)  # fmt: skip

    def error(model: Any, data: Any) -> float:
        missed = functions.pow(functions.col("prediction") - functions.col("rating"), 2)
        return float(model.transform(data).select(functions.sqrt(functions.avg(missed))).first()[0])

    best = min((0.002, 0.01, 0.05, 0.1), key=lambda penalty: error(als(penalty, fitted), held))
    model = als(best, ratings)
    seconds = time.perf_counter() - begun
    test = spark.read.parquet(str(folder / "test")).withColumn("rating", functions.col("rating") - center)
    found = error(model, test)
    print(f"  regularization {best}", file=sys.stderr)
    jvm = spark.sparkContext._jvm.java.lang.ProcessHandle.current().pid()
    status = Path(f"/proc/{jvm}/status").read_text()
    peak = int(next(line for line in status.splitlines() if line.startswith("VmHWM")).split()[1]) / 1024
    spark.stop()
    return {"seconds": seconds, "driver": _peak(), "worker": peak, "error": found}


def _peak() -> float:
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--millions", type=float, nargs="+", default=[1, 10])
    parser.add_argument("--methods", nargs="+", choices=METHODS, default=list(METHODS))
    parser.add_argument("--width", type=int, default=16)
    parser.add_argument("--workers", type=int, default=2)
    parser.add_argument("--memory", default="4GB", help="of a worker")
    parser.add_argument("--folder", type=Path, help="where the ratings are, or are to be written")
    parser.add_argument("--alone", choices=METHODS, help=argparse.SUPPRESS)
    chosen = parser.parse_args()
    if chosen.alone:
        given = chosen.folder, *((chosen.width,) if chosen.alone == "rankfall" else ()), chosen.workers, chosen.memory
        fit: Any = fit_rankfall if chosen.alone == "rankfall" else fit_spark
        print(json.dumps(fit(*given)))
        return
    print("| " + " | ".join(COLUMNS) + " |")
    print("|" + "|".join("-" * (len(title) + 1) + ":" for title in COLUMNS) + "|")
    for millions in chosen.millions:
        count = round(millions * 1e6)
        with tempfile.TemporaryDirectory() as made:
            folder = Path(made) if chosen.folder is None else chosen.folder
            if not (folder / "test").exists():
                folder.mkdir(exist_ok=True)
                subprocess.run([sys.executable, "-c", _WRITE, str(count), str(folder)], check=True)
            m, n = shape_of(count)
            floor = NOISE * (1 + RANK * (m + n - RANK) / count) ** 0.5
            for method in chosen.methods:
                words = ["--alone", method, "--folder", str(folder), "--width", str(chosen.width)]
                words += ["--workers", str(chosen.workers), "--memory", chosen.memory]
                ended = subprocess.run(
                    [sys.executable, "-m", "benchmarks.cluster", *words], stdout=subprocess.PIPE, text=True, check=True
                )
                found = json.loads(ended.stdout.splitlines()[-1])
                cells = (
                    method, f"{count:,}", f"{found['seconds']:.1f}", f"{found['driver']:.0f}", f"{found['worker']:.0f}",
                    f"{found['error']:.4f}", f"{found['error'] / floor - 1:.1%}",
                )  # fmt: skip
                print(
                    "| " + " | ".join(f"{cell:>{len(t)}}" for cell, t in zip(cells, COLUMNS, strict=True)) + " |",
                    flush=True,
                )


_WRITE = (
    "import sys, pathlib; from benchmarks.cluster import write_ratings; "
    "write_ratings(int(sys.argv[1]), pathlib.Path(sys.argv[2]))"
)

if __name__ == "__main__":
    main()
