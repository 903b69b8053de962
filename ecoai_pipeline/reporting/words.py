"""The words on figures of the research, in English and Korean."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Literal

_WORDS: Mapping[str, tuple[str, str]] = {
    "adversarial": ("adversarial", "적대적"),
    "agricultural": ("agricultural", "농사용"),
    "alarm": ("alarm", "경보"),
    "alarm_always": ("alarm always", "항상 경보"),
    "anomalous": ("anomalous", "이상"),
    "auc_pr": ("AUC-PR", "AUC-PR"),
    "best": ("best on test", "시험 최적"),
    "by_resolution": (
        "Detectors by resolution: windows shuffled, threshold chosen on test (* of other data)",
        "해상도별 탐지기: 창을 섞고 임계값을 시험 자료에서 선택 (* 다른 자료)",
    ),
    "days": ("days", "일수"),
    "days_short": ("d", "일"),
    "diff": ("first difference", "1차 차분"),
    "dtw_axis": ("DTW distance, band {minutes} min, standardised on training", "DTW 거리, 대역 {minutes}분, 학습 자료로 표준화"),
    "dtw_errors": ("DTW errors and verdicts", "DTW 오차와 판정"),
    "effect": ("Made days in training data", "학습 자료에 증강한 날"),
    "epsilon": ("ε, share of the load's range", "ε, 부하 범위 대비"),
    "epsilon_curve": ("F1 over ε, adversarial days in the test set", "ε에 따른 F1, 시험 자료에 적대적 날 포함"),
    "epsilon_errors": ("Errors by ε, adversarial days in the test set", "ε별 오차, 시험 자료에 적대적 날 포함"),
    "error": ("mean squared error", "평균제곱오차"),
    "f1_frozen": ("F1, threshold frozen", "F1, 고정 임계값"),
    "f1_oracle": ("F1, threshold chosen on test", "F1, 시험 자료에서 고른 임계값"),
    "f1_test": ("F1 on the test span", "시험 구간 F1"),
    "false_rate": ("rate of false alarms", "오경보율"),
    "flagged": ("flagged window", "이상 판정 창"),
    "general": ("general", "일반용"),
    "high": ("high resolution (below 10 min)", "고해상도 (10분 미만)"),
    "hours": ("h", "시간"),
    "industrial": ("industrial", "산업용"),
    "labelled": ("labelled anomaly", "라벨된 이상"),
    "learned": ("learned", "라벨 없이 학습"),
    "load": ("load", "부하"),
    "low": ("low (from 60 min)", "저해상도 (60분 이상)"),
    "mid": ("mid (10 to 60 min)", "중해상도 (10~60분)"),
    "midnight": ("midnight", "심야용"),
    "minutes": ("min", "분"),
    "no_alarm": ("no alarm", "경보 없음"),
    "noise": ("random direction", "무작위 방향"),
    "normal": ("normal", "정상"),
    "pairs_of": ("pairs", "쌍"),
    "period": ("period; peaks named in intervals", "주기; 봉우리는 간격 수로 표시"),
    "point_is_oracle": ("point: threshold chosen on test", "점: 시험 자료에서 고른 임계값"),
    "poster": ("poster", "포스터"),
    "power_share": ("share of power", "파워 비율"),
    "published": ("published", "발표값"),
    "published_c": ("published (LSTM-AE, other data)", "발표값 (LSTM-AE, 다른 자료)"),
    "published_lstm_ae": ("published LSTM-AE", "발표 LSTM-AE"),
    "published_usad": ("published USAD", "발표 USAD"),
    "quota": ("Isolation Forest, quota 18 % of training", "Isolation Forest, 학습의 18 % 할당"),
    "raw": ("load as it is", "원 부하"),
    "recall": ("recall", "재현율"),
    "reconstruction": ("reconstruction", "재구성"),
    "roc": ("ROC on shuffled windows", "섞은 창의 ROC"),
    "scaled": ("load, scaled on training", "부하 (학습 자료로 정규화)"),
    "scores": ("Scores of shuffled windows", "섞은 창의 점수"),
    "spectra": ("Spectrum before and after differencing", "차분 전후의 스펙트럼"),
    "strange": ("strange to Isolation Forest", "Isolation Forest 이상"),
    "threshold_oracle": ("threshold chosen on test", "시험 자료에서 고른 임계값"),
    "usage": ("Threshold by usage type", "용도별 임계값"),
    "use_classifier": ("classifier against own error", "분류기 대 자체 오차"),
    "use_pairs": ("learns clean from made", "증강에서 원본 학습"),
    "use_threshold": ("threshold by made days", "증강한 날로 고른 임계값"),
    "verdict": ("verdict", "판정"),
    "week": ("The week with the largest error", "오차가 가장 큰 주"),
    "windows": ("windows", "창 수"),
    "without": ("without", "없음"),
}
_DATASETS: Mapping[str, tuple[str, str]] = {
    "industrial": ("industrial", "산업"),
    "steel": ("steel", "철강"),
    "simulated chemical": ("simulated chemical", "모의 화학"),
    "simulated metal": ("simulated metal", "모의 금속"),
}


class Words:
    """`Words("ko")("load")` is what stands on a figure for `load`."""

    def __init__(self, lang: Literal["en", "ko"]) -> None:
        self._column = ("en", "ko").index(lang)

    def __call__(self, name: str) -> str:
        return _WORDS[name][self._column]

    def dataset(self, name: str) -> str:
        """A data set's name, which stays as it is where there is no word for it."""
        return _DATASETS[name][self._column] if name in _DATASETS else name
