"""Equal data, parameters, seed and threads give equal bytes: the whole way twice, in processes that hash words differently."""

from __future__ import annotations

import hashlib
import os
import subprocess
import sys
from pathlib import Path

from ecoai_pipeline.domain import ANOMALIES, PARTITIONED, Industry, Month, Partition
from ecoai_pipeline.storage.lake import Lake

# A network and members without one; what they are matters less than that all ways of fitting are among them.
MEMBERS = '{"metal": {"mid": {"kmeans_ad": 3, "sub_pca": 2, "value_change": 1, "level": 1, "forecast": 1, "usad": 1}}}'
WAY = """
import sys
from pathlib import Path
from ecoai_pipeline.cli import main

root = sys.argv[1]
files = f"{root}/simulated"
for words in (
    f"simulate --industry metal --meters 3 --months 2025-01..2025-04 --seed 7",
    f"ingest {files} --meters {files}/meters.csv",
    f"train --industry metal",
    f"backfill --months 2025-03..2025-04",
):
    sys.argv = ["ecoai", "--root", root, *words.split(), "--json"]
    try:
        main()
    except SystemExit as ended:
        assert not ended.code, words
"""


def start(root: Path, hash_seed: str) -> subprocess.Popen[str]:
    environment = {name: value for name, value in os.environ.items() if not name.startswith(("ECOAI_", "DAGSTER_"))}
    more = {"PYTHONHASHSEED": hash_seed, "ECOAI_TRAINING__MEMBERS_OF": MEMBERS}
    command = [sys.executable, "-c", WAY, str(root)]
    return subprocess.Popen(command, env={**environment, **more}, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)


def digests(root: Path) -> dict[str, str]:
    files = [path for name in (*(table.name for table in PARTITIONED), "models") for path in (root / name).rglob("*") if path.is_file()]
    return {str(path.relative_to(root)): hashlib.sha256(path.read_bytes()).hexdigest() for path in files}


def test_tables_and_bundles_of_two_processes_are_equal_to_the_byte(tmp_path: Path) -> None:
    roots = [tmp_path / "one", tmp_path / "two"]
    for process in [start(root, str(number)) for number, root in enumerate(roots)]:
        said, _ = process.communicate()
        assert process.returncode == 0, said

    first, second = map(digests, roots)
    assert {name: (first.get(name), second.get(name)) for name in first.keys() | second.keys() if first.get(name) != second.get(name)} == {}
    assert sum(name.endswith("weights.safetensors") for name in first) == 6
    assert Lake(roots[0]).info(ANOMALIES, Partition(Industry.METAL, Month(2025, 4))).rows > 0
