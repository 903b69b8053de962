"""What the posters of the original research say, as typed rows to stand beside ours."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import Any

from ecoai_pipeline.detectors.usage_z.thresholds import PUBLISHED as POSTER_D

_POSTER_A = "HBNU ECO AI LAB, poster 2025, LSTM-AE against USAD by resolution"
_POSTER_B = "HBNU ECO AI LAB, poster 2025, FFT windows, CNN-GRU autoencoder, DTW and Isolation Forest"
_POSTER_C = "HBNU ECO AI LAB, poster 2025, MI-FGSM augmentation, chemical industry"
_POSTER_D = "HBNU ECO AI LAB, poster 2025, usage-weighted Z-score, metal industry"

KPI_CURVE = "a07ac296-de40-3a7c-8df3-91f642cc14d0"
SAME, SAME_DATA, OTHER = "same curve and split", "same data set, series not named", "other data"


@dataclass(frozen=True)
class Published:
    """One published figure.

    Attributes:
        measure: the column of ours that it stands beside.
        at: the resolution, epsilon, usage type or signal that it holds for.
        comparable: SAME, SAME_DATA or OTHER; figures of other data stand apart from ours.
        series: the one that it was measured on, where the source names it.
    """

    protocol: str
    dataset: str
    detector: str
    measure: str
    at: str
    value: float
    comparable: str
    source: str
    series: str | None = None

    @property
    def row(self) -> dict[str, Any]:
        return asdict(self)


MEASURES = ("recall_oracle_shuffled", "f1_oracle_shuffled", "precision_oracle_shuffled", "auc_shuffled")
_TABLE_A = {
    ("lead", "low", "lstm_ae"): (0.6210, 0.7013, 0.8053, 0.6665),
    ("lead", "low", "usad"): (0.8179, 0.8636, 0.9147, 0.8629),
    ("industrial", "mid", "lstm_ae"): (0.7777, 0.8135, 0.8526, 0.8532),
    ("industrial", "mid", "usad"): (0.8465, 0.8612, 0.8764, 0.9190),
    ("kpi", "high", "lstm_ae"): (0.8376, 0.8800, 0.9111, 0.9625),
    ("kpi", "high", "usad"): (0.7952, 0.7685, 0.7435, 0.8906),
}
_COMPARABLE_A = {"lead": (SAME_DATA, None), "industrial": (OTHER, None), "kpi": (SAME, KPI_CURVE)}
_PEAKS_B = {"raw": (548 * 96, 182.7 * 96, 96, 670, 336), "diff": (16, 24, 96, 11, 32)}
_F1_C = {"0": 0.9091, "0.01": 0.6907, "0.5": 0.9778}

PUBLISHED = (
    *(
        Published("A", dataset, detector, measure, at, value, _COMPARABLE_A[dataset][0], _POSTER_A, _COMPARABLE_A[dataset][1])
        for (dataset, at, detector), values in _TABLE_A.items()
        for measure, value in zip(MEASURES, values, strict=True)
    ),
    *(
        Published("B", "industrial", "spectrum", "samples", f"{signal} {rank}", samples, OTHER, _POSTER_B)
        for signal, peaks in _PEAKS_B.items()
        for rank, samples in enumerate(peaks, start=1)
    ),
    *(Published("C", "chemical", "lstm_ae", "f1_oracle_shuffled", epsilon, f1, OTHER, _POSTER_C) for epsilon, f1 in _F1_C.items()),
    *(Published("D", "metal", "usage_z", "threshold_oracle", usage, z, OTHER, _POSTER_D) for usage, z in POSTER_D.items()),
)


def beside(protocol: str, dataset: str, series: str, detector: str, measure: str) -> float | None:
    """The published figure of the same data, None where there is none.

    >>> beside("A", "kpi", KPI_CURVE, "lstm_ae", "auc_shuffled"), beside("A", "steel", "one", "lstm_ae", "auc_shuffled")
    (0.9625, None)
    """
    wanted = (protocol, dataset, detector, measure)
    for one in PUBLISHED:
        if (one.protocol, one.dataset, one.detector, one.measure) == wanted and one.comparable != OTHER and one.series in (None, series):
            return one.value
    return None
