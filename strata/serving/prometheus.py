"""What Prometheus reads: requests, times, the queue, texts, and which model answers. No word of a client is in it."""

from collections.abc import Iterator

from prometheus_client import (
    CONTENT_TYPE_LATEST,
    CollectorRegistry,
    Counter,
    Histogram,
    ProcessCollector,
    generate_latest,
)
from prometheus_client.core import GaugeMetricFamily, Metric

from strata.serving.service import Service

SECONDS = (0.002, 0.005, 0.01, 0.02, 0.05, 0.1, 0.2, 0.5, 1, 2, 5, 10, 30)


class Metrics:
    """The figures of one server."""

    media_type = CONTENT_TYPE_LATEST

    def __init__(self, service: Service):
        self._service = service
        self._registry = CollectorRegistry()
        self.requests = self._counter("strata_requests", "Requests that were answered", "path", "status")
        self.refused = self._counter("strata_refused", "Requests that were refused with a sentence", "status")
        self.texts = self._counter("strata_texts", "Texts that were labelled", "model")
        self.loads = self._counter("strata_model_loads", "Models loaded while serving, or refused", "model", "result")
        self.seconds = Histogram(
            "strata_request_seconds",
            "From a request's headers to its answer",
            ["path"],
            buckets=SECONDS,
            registry=self._registry,
        )
        ProcessCollector(registry=self._registry)
        self._registry.register(self)

    def text(self) -> bytes:
        """Return all figures as Prometheus reads them."""
        return generate_latest(self._registry)

    def collect(self) -> Iterator[Metric]:
        """Yield the figures that are read when they are asked for."""
        work = self._service.work
        yield GaugeMetricFamily("strata_queue_requests", "Requests that wait for a core", work.queued)
        yield GaugeMetricFamily("strata_queue_texts", "Texts that wait for a core", work.waiting)
        yield GaugeMetricFamily("strata_open_requests", "Requests that wait for their answer", self._service.open)
        yield GaugeMetricFamily("strata_held_bytes", "Bytes of the bodies of open requests", self._service.held.bytes)
        yield GaugeMetricFamily("strata_ready", "1 where requests are taken", not self._service.ending)
        models = GaugeMetricFamily("strata_model_info", "1 for the version that answers", labels=["model", "version"])
        for model in self._service.models:
            models.add_metric([model.name, model.version], 1)
        yield models

    def _counter(self, name: str, about: str, *labels: str) -> Counter:
        return Counter(name, about, labels, registry=self._registry)
