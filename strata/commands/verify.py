"""Tell whether this run repeats the recorded one, which the last Git commit holds.

    $ strata verify
    verify: the recorded run, byte for byte (30 files of metrics/, plots/ and dvc.lock)

A run repeats the recorded one byte for byte if metrics/, plots/ and dvc.lock are those of the commit. On another kind
of CPU, it repeats it within the recorded intervals: all row counts are equal, and accuracy and macro F1 of each model
on test rows lie inside their recorded 95% intervals. Otherwise, the scores outside and the counts that differ are
listed, and the exit code is 1. A run with other settings, code or source data is not compared: what differs is listed,
and the exit code is 0.
"""

from strata.base.errors import StrataError
from strata.commands.arguments import add_project, parser
from strata.runs.recorded import Head, compared, differences, missing_outputs, no_record

SHOWN = 5  # names that a sentence holds


def main(argv: list[str] | None = None) -> None:
    """Run the command."""
    arguments = parser("verify", __doc__)
    add_project(arguments)
    head = Head(arguments.parse_args(argv).project)
    if reason := no_record(head):
        print(f"verify: nothing to compare with: {reason}")
        return
    if missing := missing_outputs(head):
        raise StrataError(f"{listed(missing, ', ')} missing, so the run is not complete; dvc repro, or dvc pull")
    if changes := differences(head):
        kinds = ", ".join(f"other {kind} ({listed(names, ', ')})" for kind, names in changes.items())
        print(f"verify: another run than the recorded one: {kinds}; there is nothing to compare")
        return
    comparison = compared(head)
    if comparison.outside:
        raise StrataError(
            f"this run does not repeat the recorded one: {listed(comparison.outside, '; ')}; see git diff metrics plots"
        )
    if comparison.changed:
        print(
            f"verify: agrees with the recorded run: accuracy and macro F1 on test rows ({comparison.headlines} scores) "
            f"lie inside their recorded 95% intervals; of {comparison.others} other scores, "
            f"{comparison.others_outside} lie outside theirs; {len(comparison.changed)} of {len(comparison.files)} "
            "files differ, as is normal on another CPU"
        )
        return
    print(f"verify: the recorded run, byte for byte ({len(comparison.files)} files of metrics/, plots/ and dvc.lock)")


def listed(names: list[str], separator: str) -> str:
    """Join some names, and say how many more there are."""
    more = f"{separator}and {len(names) - SHOWN:,} more" if len(names) > SHOWN else ""
    return separator.join(names[:SHOWN]) + more
