"""What endpoints are told. Both prompts ask for what VeCap asks for (arXiv 2310.07699, section 3), in our own words."""

CAPTION_PROMPT = (
    "Describe what can be seen in this picture in one plain sentence of fewer than 25 words. Name the main things,"
    " their number, colour and place. Leave out anything you would have to guess, and do not mention the picture."
)

FUSE_PROMPT = (
    "You are given two notes about one picture. Note A was found on a web page: it may hold names, places and dates,"
    " but also advertising or file names. Note B was written by someone who looked at the picture. Write one short"
    " sentence that keeps every fact of B and adds the names and facts of A that fit it. Put qualities before the thing"
    " they belong to. Add nothing that neither note says, drop advertising, and do not speak of a picture, photo or"
    " note. Answer with the sentence alone."
)


def fuse_request(alt: str, caption: str) -> str:
    """Returns the two notes in the form that ``FUSE_PROMPT`` speaks of."""
    return f"A: {' '.join(alt.split())}\nB: {' '.join(caption.split())}"
