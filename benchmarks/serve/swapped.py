"""A model that is replaced again and again while clients ask: every answer has to be that of one whole model."""

import asyncio
import json
import shutil
import signal
from itertools import pairwise
from pathlib import Path

from strata.runtime import manifest
from strata.runtime.predictor import CONFIG, FP32, QUANTIZED, TOKENIZER, Predictor
from strata.runtime.preparation import NAME as PREPARATION
from strata.serving.models import version

from . import client, servers, texts

CLIENTS = 8
FILES = (CONFIG, TOKENIZER, PREPARATION, QUANTIZED)


def two_models(folder: Path, place: Path) -> list[Path]:
    """Return copies of a model folder, one that answers by the int8 model, and one by the fp32 one."""
    copies = [place / "first", place / "second"]
    for copy, file in zip(copies, (QUANTIZED, FP32), strict=True):
        for name in FILES:
            if (folder / name).is_file():
                (copy / name).parent.mkdir(parents=True, exist_ok=True)
                shutil.copyfile(folder / (file if name == QUANTIZED else name), copy / name)
        manifest.write(copy, "1.24")
    return copies


def write(source: Path, target: Path, order: int) -> None:
    """Write a model over another, file by file. order: the manifest comes last, or first where this is odd."""
    names = [*manifest.names(source), manifest.NAME]
    for name in names[::-1] if order % 2 else names:
        shutil.copyfile(source / name, target / name)


async def _swaps(server: servers.Started, sources: list[Path], target: Path, count: int) -> list[str]:
    """Replace the model `count` times, and return the versions that answered after each."""
    question, seen = client.request("/predict", {"texts": "a"}), []
    for i in range(count):
        source = sources[(i + 1) % 2]
        writing = asyncio.create_task(asyncio.to_thread(write, source, target, i))
        server.process.send_signal(signal.SIGHUP)  # while it is half written
        await writing
        server.process.send_signal(signal.SIGHUP)
        connection = await asyncio.open_connection("127.0.0.1", server.port)
        for _ in range(300):
            seen.append(json.loads((await client.sent(connection, question)).body)["version"])
            if seen[-1] == version(source):
                break
            await asyncio.sleep(0.1)
        connection[1].close()
    return seen


def swapped(folder: Path, place: Path, count: int) -> dict:
    """Return how many requests failed, and how many answers were not exactly those of the version that they name."""
    sources, target = two_models(folder, place), place / "served"
    shutil.copytree(sources[0], target)
    asked = texts(60, seed=2)
    expected = {version(source): Predictor(source, threads=1)(asked) for source in sources}
    requests = [client.request("/predict", {"texts": text}) for text in asked]

    async def both(server: servers.Started) -> tuple[list[tuple[int, client.Sent]], list[str]]:
        every: list[tuple[int, client.Sent]] = []
        is_over = asyncio.Event()

        async def ask(first: int) -> None:
            connection = await asyncio.open_connection("127.0.0.1", server.port)
            position = first
            while not is_over.is_set():
                every.append((position % len(asked), await client.sent(connection, requests[position % len(asked)])))
                position += CLIENTS
            connection[1].close()

        asking = [asyncio.create_task(ask(first)) for first in range(CLIENTS)]
        seen = await _swaps(server, sources, target, count)
        is_over.set()
        await asyncio.gather(*asking)
        return every, seen

    with servers.started(servers.strata(target), place / "swap.log") as server:
        every, seen = asyncio.run(both(server))
        mb = round(server.megabytes)
    good = [(position, json.loads(sent.body)) for position, sent in every if sent.status == 200]
    wrong = sum(body["answers"] != [expected[body["version"]][position]] for position, body in good)
    changes = sum(a != b for a, b in pairwise(seen)) + (seen[0] != version(sources[0]))
    return {
        "swaps": changes,
        "requests": len(every),
        "failed": len(every) - len(good),
        "answers_of_no_model": wrong,
        "refused_while_half_written": (place / "swap.log").read_text().count("refused"),
        "mb": mb,
    }
