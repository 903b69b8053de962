"""Codes of the ESPI schema (espi.xsd 4.0) and what they mean to us."""

from __future__ import annotations

from typing import Literal, NamedTuple

from ecoai_pipeline.domain import Quality

Flow = Literal["apart", "net"]
"""What becomes of a meter's two directions: two meters, or one signed meter, delivered less received."""

DOUBTED = "questionable"
"""Rule of a reading that its sender calls questionable."""


class StatedQuality(NamedTuple):
    name: str
    quality: Quality


# QualityOfReading. What a person or a machine put in place of the meter's value is estimated; "other" tells of no doubt.
QUALITIES = {
    0: StatedQuality("valid", Quality.MEASURED),
    7: StatedQuality("manually edited", Quality.ESTIMATED),
    8: StatedQuality("estimated using reference day", Quality.ESTIMATED),
    9: StatedQuality("estimated using linear interpolation", Quality.ESTIMATED),
    10: StatedQuality("questionable", Quality.SUSPECT),
    11: StatedQuality("derived", Quality.ESTIMATED),
    12: StatedQuality("projected (forecast)", Quality.ESTIMATED),
    13: StatedQuality("mixed", Quality.ESTIMATED),
    14: StatedQuality("raw", Quality.MEASURED),
    15: StatedQuality("normalized for weather", Quality.ESTIMATED),
    16: StatedQuality("other", Quality.MEASURED),
    17: StatedQuality("validated", Quality.MEASURED),
    18: StatedQuality("verified", Quality.MEASURED),
    19: StatedQuality("revenue-quality", Quality.MEASURED),
}

ELECTRICITY = "electricity"
COMMODITIES = {
    1: ELECTRICITY,
    2: ELECTRICITY,
    3: "communication",
    4: "air",
    5: "insulative gas",
    6: "insulative oil",
    7: "natural gas",
    8: "propane",
    9: "potable water",
    10: "steam",
    11: "waste water",
    12: "heating fluid",
    13: "cooling fluid",
    14: "nonpotable water",
    15: "NOx",
    16: "SO2",
    17: "CH4",
    18: "CO2",
    19: "carbon",
    20: "HCH",
    21: "PFC",
    22: "SF6",
    23: "television",
    24: "internet",
    25: "refuse",
    26: ELECTRICITY,
}
SERVICES = {
    0: ELECTRICITY,
    1: "gas",
    2: "water",
    3: "time",
    4: "heat",
    5: "refuse",
    6: "sewerage",
    7: "rates",
    8: "television",
    9: "internet",
}

W, WH, J = 38, 72, 31
UNITS = {
    W: "W",
    WH: "Wh",
    J: "J",
    61: "VA",
    63: "var",
    71: "VAh",
    73: "varh",
    5: "A",
    29: "V",
    33: "Hz",
    65: "power factor",
    106: "Ah",
    69: "A²",
    67: "V²",
    104: "V²h",
    105: "A²h",
    23: "°C",
    6: "K",
    42: "m³",
    166: "m³",
    167: "m³",
    119: "ft³",
    120: "ft³",
    128: "US gal",
    130: "imperial gal",
    134: "litre",
    132: "Btu",
    169: "therm",
    39: "Pa",
    80: "money",
    111: "count",
}
# What a unit alone tells, where the reading type names no commodity.
COMMODITY_OF_UNIT = {
    **dict.fromkeys((23, 6), "temperature"),
    169: "natural gas",
    **dict.fromkeys((42, 119, 120, 166, 167), "gas or water"),
    **dict.fromkeys((128, 130, 134), "water"),
}

# DataQualifierKind: values that are no total or mean of their interval.
EXTREMES = {
    4: "excess",
    5: "high threshold",
    7: "low threshold",
    8: "maximum",
    9: "minimum",
    11: "nominal",
    16: "second maximum",
    17: "second minimum",
    23: "third maximum",
    24: "fourth maximum",
    25: "fifth maximum",
}

# AccumulationKind: a register that runs on, and what is no amount of an interval. The rest is energy of its interval.
REGISTERS = {1, 2, 3, 6, 13, 14}
MOMENTARY = {10: "time delay", 12: "instantaneous"}

# FlowDirectionKind, as the end of a meter's name; quadrants of reactive energy keep their own.
FORWARD, REVERSE, NET, TOTAL = "", "#reverse", "#net", "#total"
FLOWS = {
    0: FORWARD,
    1: FORWARD,
    8: FORWARD,  # quadrants 1 and 4: usually forward active energy
    19: REVERSE,
    10: REVERSE,  # quadrants 2 and 3: usually reverse active energy
    4: NET,
    20: TOTAL,
    21: TOTAL,
}
# PhaseCodeKind: single phases; the others are the whole service.
PHASES = {128: "a", 129: "a", 64: "b", 65: "b", 32: "c", 33: "c", 512: "s1", 513: "s1", 256: "s2", 257: "s2"}
