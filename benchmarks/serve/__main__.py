"""What the server takes: load, twice the load, hostile clients, a model that changes; and LitServe with the same model.

    python -m venv .venv/litserve && .venv/litserve/bin/pip install litserve==0.2.19 -r requirements-base.txt
    python -m benchmarks.serve --litserve .venv/litserve/bin/python    # writes results.json, nine minutes
    python -m benchmarks.serve --seconds 2 --out look.json             # a look, without LitServe

Clients and server share this machine's cores, over loopback. Each arm is a process of its own; LitServe has a worker
a core with one thread each, or one worker with all threads; the better of the two counts. All are asked in turn,
REPEATS times; figures are medians over the repeats, and ratios are medians of the ratios in each repeat. Texts have 10
to 400 words; every request has one.
"""

import argparse
import asyncio
import contextlib
import itertools
import json
import os
import platform
import shutil
import statistics
import tempfile
from pathlib import Path

import numpy as np

from strata.base.cores import cores

from . import ROOT, client, servers, texts
from .client import Sent
from .fuzzed import fuzzed
from .hostile import storm
from .swapped import swapped

CLIENTS = (1, 8, 64)
REPEATS = 5
WARM_UP = 2  # seconds
OVERLOAD = 2  # times the capacity
REQUESTS = 10_000  # hostile ones, of which a fifth by schemathesis


def figures(every: list[Sent]) -> dict:
    """Return throughput and latency of the requests that were answered with 200, until the last one was."""
    seconds = max(one.start + one.seconds for one in every) - min(one.start for one in every)
    good = [one.seconds for one in every if one.status == 200]
    p50, p99 = (round(1000 * float(q), 1) for q in np.percentile(good, (50, 99))) if good else (None, None)
    return {"per_s": round(len(good) / seconds, 1), "p50_ms": p50, "p99_ms": p99, "failed": len(every) - len(good)}


def load(commands: dict[str, list[str]], place: Path, seconds: float) -> dict[str, list[dict[str, dict]]]:
    """Return the figures of each server at each number of clients, one a repeat; seconds: of each over all repeats.

    The servers stand side by side and are asked in turn, so that what else the machine does meets all of them.
    """
    requests = [client.request("/predict", {"texts": text}) for text in texts(500)]
    measured: dict[str, list[dict[str, dict]]] = {arm: [{} for _ in range(REPEATS)] for arm in commands}
    with contextlib.ExitStack() as stack:
        up = {
            arm: stack.enter_context(servers.started(command, place / f"{arm}.log"))
            for arm, command in commands.items()
        }
        for server in up.values():
            asyncio.run(client.closed_loop(server.port, 8, WARM_UP, requests))
        for clients, repeat in itertools.product(CLIENTS, range(REPEATS)):
            for arm, server in up.items():
                measured[arm][repeat][str(clients)] = _load(server, clients, seconds / REPEATS, requests)
    return measured


def _load(server: servers.Started, clients: int, seconds: float, requests: list[bytes]) -> dict:
    """Return the figures of a server, with its CPU time a request and its memory in MB."""
    before = server.cpu_seconds
    every = asyncio.run(client.closed_loop(server.port, clients, seconds, requests))
    cpu_ms = round(1000 * (server.cpu_seconds - before) / len(every), 2)
    return figures(every) | {"cpu_ms": cpu_ms, "mb": round(server.megabytes)}


def medians(repeats: list[dict[str, dict]]) -> dict[str, dict]:
    """Return the median of each figure at each number of clients; of failures, the sum."""
    combined = {}
    for clients in repeats[0]:
        named = {name: [repeat[clients][name] for repeat in repeats] for name in repeats[0][clients]}
        combined[clients] = {
            name: sum(values) if name == "failed" else statistics.median(values) for name, values in named.items()
        }
    return combined


def overload(folder: Path, log: Path, capacity: float, seconds: float) -> dict:
    """Return what happens at OVERLOAD times the capacity (requests a second)."""
    requests = [client.request("/predict", {"texts": text}) for text in texts(500, seed=1)]

    async def both(server: servers.Started) -> tuple[list[Sent], list[float]]:
        memory: list[float] = []

        async def watch() -> None:
            while True:
                memory.append(server.megabytes)
                await asyncio.sleep(1)

        watching = asyncio.create_task(watch())
        every = await client.open_loop(server.port, OVERLOAD * capacity, seconds, requests)
        watching.cancel()
        return every, memory

    with servers.started(servers.strata(folder), log) as server:
        every, memory = asyncio.run(both(server))
    statuses = {status: sum(one.status == status for one in every) for status in sorted({one.status for one in every})}
    refused = [one.seconds for one in every if one.status == 503] or [0]
    quarter = max(1, len(memory) // 4)
    return figures(every) | {
        "rate": round(OVERLOAD * capacity, 1),
        "seconds": seconds,
        "statuses": statuses,
        "without_an_answer": statuses.get(0, 0),
        "refused_p99_ms": round(1000 * float(np.percentile(refused, 99)), 1),
        "mb_in_the_first_quarter": round(max(memory[:quarter])),
        "mb_in_the_last_quarter": round(max(memory[-quarter:])),
    }


def hostile(folder: Path, log: Path, count: int) -> dict:
    """Return what became of hostile requests, a fifth of them made by schemathesis from the server's document."""
    with servers.started(servers.strata(folder), log) as server:
        asyncio.run(storm(server.port, count // 10, seed=1))  # buffers of all sizes are there from now on
        before = server.megabytes
        statuses, wrong = asyncio.run(storm(server.port, count - count // 5))
        made, failures = fuzzed(server.port, count // 5)
        after = server.megabytes
        is_alive = asyncio.run(client.raw(server.port, [b"GET /ready HTTP/1.1\r\nhost: a\r\n\r\n"], 0, 10))
    return {
        "requests": sum(statuses.values()) + made,
        "statuses": {str(status): statuses[status] for status in sorted(statuses)},
        "by_schemathesis": made,
        "wrong": sorted(set(wrong + failures)),
        "ready_after": is_alive,
        "mb_before": round(before),
        "mb_after": round(after),
    }


def compared(measured: dict[str, list[dict[str, dict]]]) -> dict[str, float]:
    """Return the throughput of Strata divided by the best of LitServe's at each number of clients: the median ratio."""
    others = [arm for arm in measured if arm != "strata"]

    def ratio(repeat: int, clients: str) -> float:
        best = max(measured[arm][repeat][clients]["per_s"] for arm in others)
        return measured["strata"][repeat][clients]["per_s"] / best

    levels = measured["strata"][0] if others else ()
    return {clients: round(statistics.median(ratio(i, clients) for i in range(REPEATS)), 2) for clients in levels}


def main() -> None:
    """Run everything and write the figures."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--folder", type=Path, default=ROOT / "models/quantize")
    parser.add_argument("--litserve", type=Path, help="the Python of an environment with litserve")
    parser.add_argument("--seconds", type=float, default=60, help="of the overload; a third of it for each load")
    parser.add_argument("--out", type=Path, default=Path(__file__).with_name("results.json"))
    args = parser.parse_args()
    folder, part = args.folder.resolve(), args.seconds / 60
    os.environ.pop("STRATA_API_KEY", None)
    place = Path(tempfile.mkdtemp(prefix="benchmark-serve-"))
    arms = {"strata": servers.strata(folder)}
    if args.litserve:
        arms["litserve"] = servers.litserve(args.litserve.absolute(), folder, cores(), 1)
        arms["litserve_one_worker"] = servers.litserve(args.litserve.absolute(), folder, 1, cores())
    measured = load(arms, place, args.seconds / 3)
    combined = {arm: medians(repeats) for arm, repeats in measured.items()}
    capacity = combined["strata"][str(CLIENTS[-1])]["per_s"]
    results = {
        "machine": platform.machine(),
        "cores": cores(),
        "load": combined,
        "ratio_to_litserve": compared(measured),
        "overload": overload(folder, place / "overload.log", capacity, args.seconds),
        "swaps": swapped(folder, place, max(2, round(20 * part))),
        "hostile": hostile(folder, place / "hostile.log", max(100, round(REQUESTS * part))),
    }
    args.out.write_text(json.dumps(results, indent=2) + "\n", encoding="utf-8")
    shutil.rmtree(place)
    print(args.out.read_text(encoding="utf-8"))


if __name__ == "__main__":
    main()
