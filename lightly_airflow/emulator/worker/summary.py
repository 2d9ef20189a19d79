"""What a finished run amounts to: the numbers and names that its report tells."""

from __future__ import annotations

from dataclasses import dataclass

from lightly_airflow.contract.models.selection import SelectionConfig
from lightly_airflow.emulator.worker.images import CorruptImage, ImageFacts


@dataclass(frozen=True, slots=True)
class Summary:
    """One run of one dataset.

    :param started: in seconds since 1970, like ``ended``.
    :param images: all that could be decoded, of which ``selected`` were selected.
    :param others: files of types that are no images.
    :param n_expiring: images that were left out because they expire too soon.
    :param n_pool: samples of earlier runs.
    """

    run_id: str
    dataset_id: str
    dataset_name: str
    started: float
    ended: float
    selection: SelectionConfig | None
    images: list[ImageFacts]
    selected: list[ImageFacts]
    corrupt: list[CorruptImage]
    others: list[str]
    n_expiring: int
    n_pool: int

    @property
    def n_input(self) -> int:
        """All image files that the run looked at."""
        return len(self.images) + len(self.corrupt)

    @property
    def n_duplicate(self) -> int:
        """How many images are byte for byte copies of others; they are counted, not removed."""
        return len(self.images) - len({facts.digest for facts in self.images})

    def sentence(self) -> str:
        """The run in one line; what was skipped is not among the images that it counts."""
        skipped = [
            f"{self.n_expiring} expiring too soon" if self.n_expiring else "",
            f"{len(self.corrupt)} corrupt" if self.corrupt else "",
            f"{len(self.others)} of another type" if self.others else "",
        ]
        told = ", ".join(part for part in skipped if part)
        return f"selected {len(self.selected)} of {len(self.images)} images" + (f" ({told} skipped)" if told else "")
