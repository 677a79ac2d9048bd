"""Provenance: from a row of a file to the facts behind it, and from an example to the files and trainings it is in."""

from __future__ import annotations

import re
from typing import Any

from msgspec import Struct

from events.errors import InputError
from projections.store import database

from ..state.client import State
from ..volume import Volume
from . import formats, publication
from .formats import ALONE, FORMATS
from .manifest import ROOT_FILE, SFT_TRAIN, Manifest
from .rows import SPLITS

_ROW = re.compile(
    r"(?:(?P<digest>[0-9a-f]{8,64}):)?(?P<file>(?:.*exports/(?P<home>[0-9a-f]{64})/)?.+\.(?:jsonl|parquet))"
    r":(?P<line>[1-9]\d*)"
)
_DIGEST = re.compile(r"[0-9a-f]{8,64}")
_DATA = re.compile(
    rf"(?:.*/)?data/(?P<format>{'|'.join(format_.name for format_ in FORMATS)})/(?P<split>{'|'.join(SPLITS)})"
    r"\.(?:jsonl|parquet)"
)


class UnknownRow(InputError):
    """What was asked for is no row, example or export that the volume holds."""


class Provenance(Struct):
    """Exports as the log knows them, newest first, and what the volume still holds of them."""

    volume: Volume
    exports: list[dict[str, Any]]

    @classmethod
    async def of(cls, state: State, volume: Volume) -> Provenance:
        """The provenance of everything on a volume."""
        return cls(volume, (await state.ask("exports"))["exports"])

    async def of_anything(self, asked: str, limit: int, after: int = 0) -> dict[str, Any]:
        """Tell about a row (`[DIGEST:]FILE:LINE`), an export (the start of its digest) or an example (its id).

        FILE may be a path in which the digest is; without one the row is of the latest export.
        Raises UnknownRow.
        """
        if row := _ROW.fullmatch(asked):
            return await self.of_row(row["digest"] or row["home"], row["file"], int(row["line"]))
        if _DIGEST.fullmatch(asked) and (export := self._export(asked)):
            return await self.of_export(export, limit, after)
        return await self.of_example(asked)

    async def of_row(self, digest: str | None, file: str, line: int) -> dict[str, Any]:
        """The example, facts, reviewer, policy and trainings behind a line; of the latest export without a digest."""
        export = self._export(digest or await self._latest())
        if export is None:
            raise UnknownRow(f"the log knows no export {digest}; `rooflog exports` lists them")
        path = _DATA.fullmatch(SFT_TRAIN if file.rsplit("/", 1)[-1] == ROOT_FILE else file)
        if path is None:
            raise UnknownRow(f"{file} is no file with rows; give {ROOT_FILE}:17 or data/sft/train.jsonl:17")
        if path["format"] not in formats_of(export):
            raise UnknownRow(f"export {export['export_digest'][:12]} was made without {path['format']}")
        where = " OR ".join(f"{column} = $line" for column in _columns(_in_context(export))[path["format"]])
        rows = await self._rows(export, f"split = $split AND ({where})", {"split": path["split"], "line": line})
        if rows is None:
            raise UnknownRow(
                f"export {export['export_digest'][:12]} is no longer on {self.volume.name}: it was too old to keep"
            )
        if not rows:
            raise UnknownRow(f"{file} of export {export['export_digest'][:12]} has no line {line}")
        row = f"data/{path['format']}/{path['split']}.jsonl:{line}"
        return (
            {"row": row} | rows[0] | {"export": export, "exports": (await self.of_example(rows[0]["example_id"]))["in"]}
        )

    async def of_example(self, example_id: str) -> dict[str, Any]:
        """The exports and trainings that contain an example, newest first, with its lines in each.

        `untold` are exports of which the volume has no lineage any more.
        """
        contained, untold = [], []
        for export in self.exports:
            rows = await self._rows(export, "example_id = $id", {"id": example_id})
            if rows is None:
                untold.append(export["export_digest"])
            contained += [{"export_digest": export["export_digest"], "at": export["at"], "last_seq": export["last_seq"],
                           "lines": row["lines"], "approval": row["approval"], "reviewer": row["reviewer"],
                           "trainings": export["trainings"]} for row in rows or ()]  # fmt: skip
        return {"example_id": example_id, "in": contained, "untold": untold}

    async def of_export(self, export: dict[str, Any], limit: int, after: int) -> dict[str, Any]:
        """The manifest of an export, its trainings, and `limit` of its examples with the facts behind them.

        `after` goes on, None at the end.
        """
        digest = export["export_digest"]
        manifest: Manifest | None = await publication.manifest_of(self.volume, digest)
        rows = await self._rows(export, f"seq > {int(after)} ORDER BY seq LIMIT {int(limit)}", {}) or []
        goes_on = rows[-1]["seq"] if rows and len(rows) == limit else None
        return {"export": export, "manifest": manifest, "rows": rows, "after": goes_on}

    async def _latest(self) -> str:
        if (digest := await publication.latest(self.volume)) is None:
            raise UnknownRow(f"{self.volume.name} holds no export yet; `rooflog export` makes one")
        return digest

    def _export(self, digest: str) -> dict[str, Any] | None:
        exports = [export for export in self.exports if export["export_digest"].startswith(digest)]
        if len(exports) > 1:
            raise UnknownRow(f"{digest} is the start of {len(exports)} exports; give more of it")
        return exports[0] if exports else None

    async def _rows(
        self, export: dict[str, Any], where: str, parameters: dict[str, Any]
    ) -> list[dict[str, Any]] | None:
        """Rows of the lineage of an export with their lines; None where the volume does not hold it any more."""
        async with publication.LineageFile(self.volume, export["export_digest"]) as path:
            if path is None:
                return None
            con = database.connect(None)
            try:
                result = con.execute(
                    f"SELECT * FROM read_parquet($path) WHERE {where}", {"path": str(path)} | parameters
                )
                names = [column[0] for column in result.description]
                rows = [dict(zip(names, row, strict=True)) for row in result.fetchall()]
                return [row | {"lines": lines_of(row, export)} for row in rows]
            finally:
                con.close()


def formats_of(export: dict[str, Any]) -> list[str]:
    """The formats that an export holds, as its fact counts them; all of them where nothing counts them."""
    counted = _counted(export)
    return [format_.name for format_ in FORMATS if format_.name in counted or not counted]


def _counted(export: dict[str, Any]) -> set[str]:
    return {name.rpartition("_")[0] for name in export.get("counts") or ()}


def _in_context(export: dict[str, Any]) -> bool:
    """Whether an export has a format in which turns have what came before them."""
    return not _counted(export).isdisjoint({each.name for each in FORMATS} - {each.name for each in ALONE})


def _columns(in_context: bool) -> dict[str, tuple[str, ...]]:
    """The columns of the lineage that number the lines of each format."""
    return {format_.name: tuple(format_.lines) for format_ in formats.of(in_context)}


def lines_of(row: dict[str, Any], export: dict[str, Any]) -> list[str]:
    """Where an example is in the files of an export, such as `data/sft/train.jsonl:17`, by its row of the lineage."""
    columns = _columns("context" in row)
    return [
        f"data/{name}/{row['split']}.jsonl:{row[column]}"
        for name in formats_of(export)
        for column in columns.get(name, ())
        if row.get(column) is not None
    ]
