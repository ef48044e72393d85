"""The images of a page: which stay, and a rejection for every other reference."""

from dataclasses import dataclass, field

from pipelines.interleave.images import Embedded, FoundImage, RejectedImage, find_image, find_others
from pipelines.interleave.layout import LayoutBuilder
from schemas.rejections import Rejection, RejectReason

JOB = "interleave"


@dataclass(frozen=True, slots=True)
class PageImages:
    """Every image reference of a page is in ``kept`` or has a rejection."""

    kept: dict[int, FoundImage] = field(default_factory=dict)
    """By their number in the layout, in reading order."""

    rejections: list[Rejection] = field(default_factory=list)
    embedded: dict[str, Embedded] = field(default_factory=dict)
    """Decoded ``data:`` images among those kept, by image id."""

    @property
    def count(self) -> int:
        """Returns how many references were found."""
        return len(self.kept) + len(self.rejections)


def choose_images(layout: LayoutBuilder, inside: set[int], base: str, document_id: str) -> PageImages:
    """Decides on each image of a page; of one URL the first appearance stays (MM1, appendix A.1).

    Args:
        layout: The page.
        inside: Numbers of the images that stand in the main content.
        base: URL that references are resolved against.
        document_id: Of the page, named by the rejections.
    """
    images = PageImages()
    seen: set[str] = set()
    for number, place in enumerate(layout.images):
        found = find_image(place, base)
        if isinstance(found, RejectedImage):
            images.rejections.append(reject_image(found.reference, found.reason, found.detail, document_id))
            continue
        url = found.url
        if number not in inside:
            images.rejections.append(reject_image(url, RejectReason.OUTSIDE_MAIN_CONTENT, "", document_id))
        elif url in seen:
            images.rejections.append(reject_image(url, RejectReason.REPEATED_IN_PAGE, "", document_id))
            continue
        else:
            seen.add(url)
            images.kept[number] = found
            if found.embedded is not None and found.image_id is not None:
                images.embedded[found.image_id] = found.embedded
        images.rejections.extend(
            reject_image(other, RejectReason.OTHER_CANDIDATE, f"another size or format of {url}", document_id)
            for other in find_others(found, base)
        )
    return images


def reject_kept(images: PageImages, reason: RejectReason, document_id: str) -> PageImages:
    """Returns the images of a page that is left out for ``reason``: none is kept any more."""
    rejections = [
        reject_image(found.url, reason, "its page is left out", document_id) for found in images.kept.values()
    ]
    return PageImages(rejections=images.rejections + rejections)


def reject_image(item: str, reason: RejectReason, detail: str, document_id: str) -> Rejection:
    """Returns the rejection of one image reference."""
    return Rejection(job=JOB, kind="image", item=item, reason=reason, detail=detail, parent=document_id)
