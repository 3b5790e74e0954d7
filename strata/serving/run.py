"""A server from its start to its end."""

from collections.abc import Mapping
from pathlib import Path

from strata.base.cores import cores
from strata.serving import server
from strata.serving.allocator import give_back_large_blocks
from strata.serving.app import create_app
from strata.serving.limits import Limits
from strata.serving.log import Log
from strata.serving.models import Models
from strata.serving.service import Service
from strata.serving.watch import Watch


def serve(
    folders: Mapping[str, Path], model: str | None, host: str, port: int, threads: int, limits: Limits, key: str | None
) -> None:
    """Serve the models of some folders until a signal ends it. folders: by name. model: the file in each.

    threads: texts that are scored at a time, at most one per core. key: that clients have to send; None: none.
    Raises: StrataError where a model cannot be loaded, or the port is taken.
    """
    give_back_large_blocks()
    log = Log()
    server.send_to(log)
    models = Models(folders, model)
    service = Service(models, min(threads, cores()), limits)
    app = create_app(service, key, log)
    counts = app.state.metrics.loads
    watch = Watch(models, log.say, lambda name, result: counts.labels(name, result).inc())
    with server.listening(host, port) as listening:
        for one in models:
            log.say(f"{one.name}, version {one.version}: {', '.join(one.predictor.labels)}")
        if key is None and not server.is_loopback(listening):
            log.say("warning: other machines can reach this, and no key is asked for; give one with --key-file")
        log.say(f"{server.address(listening)}, {service.work.threads} threads; Ctrl-C ends")
        watch.start()
        running = server.Server(app, service, watch)
        running.run(sockets=[listening])
    watch.close()
    service.work.close()
    log.say("ended at once" if running.force_exit else "ended, every request answered")
    log.close()
