"""What the stream knows of itself as gauges on Spark's own page for Prometheus."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

from pyspark import SparkContext


class Gauges:
    """Numbers that /metrics/prometheus of the job's user interface shows beside those of Spark.

    A gauge is an accumulator: the one source of metrics that Spark lets a program add to without a class of
    its own on the JVM.
    """

    def __init__(self, context: SparkContext) -> None:
        self._context = context
        self._shown: dict[str, tuple[Any, int]] = {}

    def show(self, values: Mapping[str, int]) -> None:
        """Let the gauges have these values; a name that is new becomes one more gauge."""
        spark = self._context._jsc.sc()
        new = {name: spark.longAccumulator() for name in values if name not in self._shown}
        self._shown |= {name: (accumulator, 0) for name, accumulator in new.items()}
        for name, value in values.items():
            accumulator, former = self._shown[name]
            if value != former:
                # Not reset and set: whoever looks in between would see 0.
                accumulator.add(value - former)
                self._shown[name] = accumulator, value
        self._offer(new)

    def _offer(self, accumulators: Mapping[str, Any]) -> None:
        if not accumulators:
            return
        jvm = self._context._jvm
        assert jvm is not None
        source = getattr(jvm.org.apache.spark.metrics.source, "LongAccumulatorSource$")
        map_of_java = jvm.java.util.HashMap()
        for name, accumulator in accumulators.items():
            map_of_java.put(name, accumulator)
        getattr(source, "MODULE$").register(self._context._jsc.sc(), jvm.PythonUtils.toScalaMap(map_of_java))


def lag_gauges(lag: Mapping[str, int]) -> dict[str, int]:
    """The lag of each partition ("topic/partition") under a name of letters, digits and underscores, and the
    sum.
    """
    if not lag:
        return {}
    names = {place: f"lag_records_{re.sub('[^A-Za-z0-9]', '_', place)}" for place in lag}
    return {"lag_records": sum(lag.values()), **{names[place]: count for place, count in lag.items()}}
