"""Refusals of a request: a status of HTTP, one sentence, and when to try again."""


class Refused(Exception):
    """A request that is not served. status: of HTTP. retry_after: seconds, or None where to try again is no use."""

    def __init__(self, status: int, sentence: str, retry_after: int | None = None):
        super().__init__(sentence)
        self.status, self.sentence, self.retry_after = status, sentence, retry_after

    @property
    def headers(self) -> dict[str, str]:
        """The headers of the response. Of a body that did not come in time, nothing more is waited for."""
        headers = {} if self.retry_after is None else {"Retry-After": str(self.retry_after)}
        return headers | ({"Connection": "close"} if self.status == 408 else {})
