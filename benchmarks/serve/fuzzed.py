"""Requests that schemathesis makes from the server's own document: of its shape, and not."""

import schemathesis
from hypothesis import HealthCheck, Phase, given, settings, strategies
from schemathesis.core.failures import FailureGroup


def fuzzed(port: int, count: int) -> tuple[int, list[str]]:
    """Send about `count` requests. Return how many were sent, and what did not agree with the document."""
    schema = schemathesis.openapi.from_url(f"http://127.0.0.1:{port}/openapi.json")
    # too many texts, or too large ones, are refused by a status that schemathesis does not count as a refusal
    schema.config.checks.negative_data_rejection.expected_statuses.append("413")
    both = [schema.as_strategy(generation_mode=mode) for mode in schemathesis.GenerationMode]
    failures, made = [], []

    @settings(
        max_examples=count,
        deadline=None,
        derandomize=True,
        database=None,
        phases=[Phase.generate],
        suppress_health_check=HealthCheck,
    )
    @given(case=strategies.one_of(both))
    def sent(case: schemathesis.Case) -> None:
        made.append(None)
        try:
            case.call_and_validate(timeout=60)
        except (Exception, FailureGroup) as failure:  # of many kinds; each is told, none ends the run
            failures.append(f"{case.method} {case.path}: {type(failure).__name__}: {str(failure).splitlines()[0]}")

    sent()
    return len(made), failures
