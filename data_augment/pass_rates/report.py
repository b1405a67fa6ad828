"""What a measurement found: a report for each model, and whether two references bracket a third.

Brackets hold the 95 % interval of a mean over tasks such as these.
"""

from data_augment.data.statistics import histogram_line
from data_augment.figure.intervals import mean_interval
from data_augment.pass_rates.measurement import Measurement

NOTES = {"length": "cut off at the limit of tokens", "no text": "without text (scored 0)"}


def report(measurement: Measurement, rates: list[float | None], least: int) -> None:
    """Print the pass rates of one model, and what was lost.

    Args:
        rates: of each row of the taskset; None where a row has fewer than `least` samples.
    """
    import numpy as np

    rows = measurement.rows
    samples = measurement.samples
    print(
        f"{measurement.name}: {measurement.model}, {samples} samples of each of {len(rows):,} rows"
    )
    known = np.array([rates[row] for row in rows if rates[row] is not None])
    if len(known):
        low, high = np.clip(mean_interval(known), 0, 1)
        print(f"  mean {known.mean():.3f} [{low:.3f}, {high:.3f}]; {histogram_line(known)}")
    empty = [row for row in rows if rates[row] is None]
    if empty:
        first = f"the first: {empty[:10]}"
        print(f"  {len(empty):,} rows left empty, below {least} samples; {first}")
    for finish, note in NOTES.items():
        count = measurement.tally.finishes[finish]
        if count:
            print(f"  {count:,} answers {note}")
    report_faults(measurement)


def report_faults(measurement: Measurement) -> None:
    """Print the requests of this run that failed, by reason, and what was lost by it."""
    for reason, count in measurement.endpoints.failures.most_common():
        lost = measurement.tally.lost[reason]
        print(f"  {count:,} requests failed in this run: {reason}; samples lost: {lost:,}")
    for address, target in sorted(measurement.endpoints.redirected):
        print(f"  {address} leads to {target}: better give that address")


def compare(rates: dict[str, list[float | None]], candidate: str | None) -> None:
    """Print how often the weaker reference beats the stronger, on the rows that all have measured.

    `rates`: pass rates of each row by model. With a `candidate` among them also whether the
    references bracket it: whether it is better than the weaker one and worse than the stronger.
    """
    import numpy as np

    columns = {name: np.array(values, dtype=float) for name, values in rates.items()}
    references = {name: values for name, values in columns.items() if name != candidate}
    if len(references) < 2:
        return
    measured = ~np.isnan(sum(references.values()))
    if not measured.any():
        return
    means = {name: values[measured].mean() for name, values in references.items()}
    weak = min(means, key=means.get)
    strong = max(means, key=means.get)
    beaten = np.mean((references[weak] > references[strong])[measured])
    pair = f"{weak} ({means[weak]:.3f}) beats {strong} ({means[strong]:.3f})"
    print(f"{pair} in {beaten:.1%} of the rows")
    if candidate:
        own = columns[candidate]
        print(f"{candidate}: {verdict(own, weak, references[weak], strong, references[strong])}")


def verdict(own, weak_name: str, weak, strong_name: str, strong) -> str:
    """Whether the rates of `own` lie between those of a weaker and a stronger reference.

    Each is compared on the rows that both have measured, so that the interval is that of the
    differences. Arguments other than the names are arrays of rates, NaN where not measured.
    """
    import numpy as np

    for name, beyond, advice in (
        (weak_name, weak - own, "below both: take a weaker reference"),
        (strong_name, own - strong, "above both: take a stronger reference"),
    ):
        beyond = beyond[~np.isnan(beyond)]
        if not len(beyond) or beyond.mean() <= 0:
            continue
        low, high = mean_interval(beyond)
        if not low > 0:
            advice = "which is within the error"
        return f"{beyond.mean():.3f} [{low:.3f}, {high:.3f}] beyond {name}, {advice}"
    return "bracketed by the two"
