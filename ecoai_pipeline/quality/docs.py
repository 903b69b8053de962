"""Great Expectations' Data Docs: one site per run, built from the results that lie beside the tables; nothing is checked again."""

from __future__ import annotations

import shutil
import uuid
from collections.abc import Iterable, Mapping
from datetime import datetime
from importlib.metadata import version
from pathlib import Path
from typing import Any

from ecoai_pipeline.domain import Month, Partition
from ecoai_pipeline.escape import html as escape
from ecoai_pipeline.quality.gx import in_memory, native, quietly
from ecoai_pipeline.quality.suites import Expectation, days_suite, readings_suite
from ecoai_pipeline.quality.validate import load_validation
from ecoai_pipeline.settings import QualityParams
from ecoai_pipeline.storage.atomic import write_text
from ecoai_pipeline.storage.lake import Lake

LATEST = "latest"


def build_docs(lake: Lake, params: QualityParams, partitions: Iterable[Partition], run: str, at: datetime) -> Path | None:
    """Build the site of a run and let `latest` point to it; the oldest sites beyond `docs_kept` are removed.

    Args:
        partitions: what the run validated. Those without results have no page, and a run without any has no site. Pages are
            made for `docs_partitions` of them: those that failed most expectations first, then the newest ones.
        run: its name, that of the site's folder.

    Returns:
        The index page under `<root>/docs/<run>/`.
    """
    found = _shown({partition: results for partition in partitions if (results := load_validation(lake, partition))}, params)
    if not found:
        return None
    site = lake.docs / run
    temporary = lake.docs / f".{run}.{uuid.uuid4().hex}.tmp"
    try:
        _render(temporary, params, found, run, at)
        shutil.rmtree(site, ignore_errors=True)
        temporary.rename(site)
    finally:
        shutil.rmtree(temporary, ignore_errors=True)
    _point_to(site)
    _prune(lake.docs, params.docs_kept)
    return site / "index.html"


def _shown(found: Mapping[Partition, Mapping[str, Any]], params: QualityParams) -> dict[Partition, Mapping[str, Any]]:
    """The results to make pages of, by industry and month."""

    def rank(partition: Partition) -> tuple[int, Month]:
        return sum(not row["success"] for row in found[partition]["suites"]), partition.month

    return {partition: found[partition] for partition in sorted(sorted(found, key=rank, reverse=True)[: params.docs_partitions])}


def _render(folder: Path, params: QualityParams, found: Mapping[Partition, Mapping[str, Any]], run: str, at: datetime) -> None:
    backend = {"class_name": "TupleFilesystemStoreBackend", "base_directory": str(folder.resolve())}
    site = {
        "class_name": "SiteBuilder",
        "show_how_to_buttons": False,
        "store_backend": backend,
        "site_index_builder": {"class_name": "DefaultSiteIndexBuilder"},
    }
    with quietly():
        context = in_memory(data_docs_sites={"run": site})
        for partition, results in found.items():
            for suite in (readings_suite(params), days_suite(params)):
                known = {expectation.name: expectation for expectation in suite.expectations}
                rows = [row for row in results["suites"] if row["suite"] == suite.name and row["expectation"] in known]
                _add(context, partition, suite.name, [(known[row["expectation"]], row) for row in rows], run, at)
        context.build_data_docs(site_names=["run"])
    _write_index(folder, run)


def _write_index(folder: Path, run: str) -> None:
    """Put a list of links in the place of their index, whose table is drawn by scripts from elsewhere: offline it is empty."""
    pages = sorted((folder / "validations").rglob("*.html"), key=lambda page: (page.stem, page.parts[-4]))
    links = (
        f'<li><a href="{escape(page.relative_to(folder).as_posix())}">{escape(f"{page.stem}: {page.parts[-4]}")}</a>' for page in pages
    )
    title = escape(f"Data Docs of run {run}")
    head = f'<meta charset="utf-8"><meta name="viewport" content="width=device-width,initial-scale=1"><title>{title}</title>'
    text = f'<!doctype html>\n<html lang="en"><head>{head}</head><body><h1>{title}</h1><ul>\n'
    write_text(folder / "index.html", text + "\n".join(links) + "\n</ul></body></html>\n")


def _add(context: Any, partition: Partition, suite: str, rows: list[tuple[Expectation, Mapping[str, Any]]], run: str, at: datetime) -> None:
    """Hand the results of a suite to the context, as if it had just validated."""
    from great_expectations.core.expectation_validation_result import ExpectationSuiteValidationResult
    from great_expectations.core.run_identifier import RunIdentifier
    from great_expectations.data_context.types.resource_identifiers import ExpectationSuiteIdentifier, ValidationResultIdentifier

    run_id, met = RunIdentifier(run_name=run, run_time=at), sum(row["success"] for _, row in rows)
    result = ExpectationSuiteValidationResult(
        success=met == len(rows),
        results=[_result(expectation, row) for expectation, row in rows],
        suite_name=suite,
        statistics={
            "evaluated_expectations": len(rows),
            "successful_expectations": met,
            "unsuccessful_expectations": len(rows) - met,
            "success_percent": 100 * met / len(rows) if rows else None,
        },
        meta={
            "run_id": run_id.to_json_dict(),
            "great_expectations_version": version("great_expectations"),
            "batch_kwargs": {"data_asset_name": str(partition)},
        },
    )
    name = f"{partition.industry}-{partition.month}"
    context.validation_results_store.add(ValidationResultIdentifier(ExpectationSuiteIdentifier(suite), run_id, name), result)


def _result(expectation: Expectation, row: Mapping[str, Any]) -> Any:
    """An expectation's result; where rows failed, the meters they belong to stand in the place of values."""
    from great_expectations.core.expectation_validation_result import ExpectationValidationResult

    return ExpectationValidationResult(
        success=row["success"],
        expectation_config=native(expectation).configuration,
        result={
            "element_count": row["checked"],
            "unexpected_count": row["unexpected"],
            "unexpected_percent": 100 * row["share"],
            "partial_unexpected_list": row["meters"],
        },
        exception_info={"raised_exception": False, "exception_message": None, "exception_traceback": None},
    )


def _point_to(site: Path) -> None:
    link = site.parent / f".{LATEST}.{uuid.uuid4().hex}.tmp"
    link.symlink_to(site.name)
    link.replace(site.parent / LATEST)


def _prune(docs: Path, kept: int) -> None:
    sites = [path for path in docs.iterdir() if path.is_dir() and not path.is_symlink() and not path.name.startswith(".")]
    for old in sorted(sites, key=lambda path: (path.stat().st_mtime_ns, path.name))[:-kept]:
        shutil.rmtree(old, ignore_errors=True)
