"""What a document is compared by: the set of its images, the signature of its text, the digests of its paragraphs."""

from collections.abc import Iterator, Mapping

from pipelines.dedup.documents.minhash import Signer
from pipelines.dedup.evaluation import EvaluationSet
from schemas.digests import keyed_digest
from schemas.documents import Document
from schemas.recipe import DedupSettings
from schemas.verdicts import DocumentFeatures, paragraph_digest

PARAGRAPH_BREAK = "\n\n"


def document_features(
    document: Document,
    image_ids: Mapping[str, str],
    settings: DedupSettings,
    signer: Signer,
    evaluation: EvaluationSet,
) -> DocumentFeatures:
    """Returns the features that the settings ask for.

    Args:
        document: The document.
        image_ids: URL to image id, for the URLs that were fetched.
        settings: What is compared.
        signer: Makes signatures.
        evaluation: Texts that must not be trained on.
    """
    images = [image_ids.get(image.url, image.url) for _, image in document.images()]
    texts = [segment.text for _, segment in document.texts()]
    wants_signature = settings.documents.minhash_jaccard is not None
    wants_paragraphs = settings.paragraphs.max_per_domain is not None
    return DocumentFeatures(
        occurrence=document.occurrence,
        document_id=document.document_id,
        crawl_time=document.crawl_time,
        domain=document.domain,
        n_images=len(images),
        image_set=image_set_digest(images),
        signature=signer.signature(" ".join(texts)) if wants_signature else None,
        contaminated=evaluation.text_item("\n".join(texts)) if evaluation.runs else None,
        paragraphs=tuple(paragraph_digests(document.domain, texts)) if wants_paragraphs else (),
    )


def image_set_digest(images: list[str]) -> str | None:
    """Returns the digest of a set of images, given by content or URL in any order; None for no image."""
    return keyed_digest("image-set", *sorted(set(images))) if images else None


def paragraph_digests(domain: str, texts: list[str]) -> Iterator[str]:
    """Yields the digest of each paragraph of a document's texts, in order."""
    for text in texts:
        for paragraph in text.split(PARAGRAPH_BREAK):
            if paragraph.strip():
                yield paragraph_digest(domain, paragraph)
