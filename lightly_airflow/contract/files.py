"""Which files LightlyOne takes as images and as videos; endings in any case.

Sources: https://docs.lightly.ai/docs/cloud-storage (images), https://docs.lightly.ai/docs/videos-as-input (videos).
"""

from __future__ import annotations

from pathlib import PurePosixPath

IMAGE_SUFFIXES = (".bmp", ".gif", ".jpeg", ".jpg", ".png", ".tiff")
VIDEO_SUFFIXES = (".avi", ".hevc", ".m4v", ".mov", ".mp4", ".mpeg", ".mpg", ".webm")


def endings(dataset_type: str) -> tuple[str, ...]:
    """The endings of the files that a dataset of this type takes: of ``Videos`` the videos, of any other type the images."""
    return VIDEO_SUFFIXES if dataset_type == "Videos" else IMAGE_SUFFIXES


def is_image(path: str) -> bool:
    """Whether LightlyOne takes the file as an image, by its ending alone."""
    return PurePosixPath(path).suffix.lower() in IMAGE_SUFFIXES


def is_video(path: str) -> bool:
    """Whether LightlyOne takes the file as a video, by its ending alone."""
    return PurePosixPath(path).suffix.lower() in VIDEO_SUFFIXES
