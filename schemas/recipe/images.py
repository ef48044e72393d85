"""Where images come from, and which are good enough."""

from dataclasses import dataclass, field
from typing import ClassVar, Literal

from schemas.recipe.rules import STRICT, check, positive


@dataclass(frozen=True, slots=True, kw_only=True)
class FolderSource:
    """Images on disk: ``folder/<host>/<path>`` stands for ``https://<host>/<path>``."""

    __pydantic_config__: ClassVar = STRICT

    folder: str


@dataclass(frozen=True, slots=True, kw_only=True)
class PerHost:
    """How politely one host is asked."""

    __pydantic_config__: ClassVar = STRICT

    connections: int = 2
    requests_per_s: float = 2.0

    def __post_init__(self) -> None:
        check(*positive(self, "connections", "requests_per_s"))


@dataclass(frozen=True, slots=True, kw_only=True)
class FetchSettings:
    """Where images come from, and the manners and limits of asking."""

    __pydantic_config__: ClassVar = STRICT

    source: Literal["web", "archive"] | FolderSource = "web"
    """``web``: HTTP. ``{folder: DIR}``: files on disk. ``archive``: image records of the WARCs in ``input.pages``."""

    user_agent: str | None = None
    """Who asks, with a way to reach them: ``"lab-bot/1.0 (+https://lab.example/bot)"``. Needed for ``web``."""

    robots: Literal["obey", "ignore"] = "obey"
    """RFC 9309."""

    opt_out: tuple[Literal["x-robots-tag", "noai", "tdmrep"], ...] = ("x-robots-tag", "noai", "tdmrep")
    deadline_s: float = 20.0
    """From the first packet to the last byte, redirects included."""

    max_bytes: int = 20_000_000
    max_pixels: int = 50_000_000
    max_redirects: int = 5
    retries: int = 2
    per_host: PerHost = field(default_factory=PerHost)
    connections: int = 64
    """Open at one time in one worker, over all hosts."""

    allow_private_addresses: bool = False
    """Also asks loopback and private addresses: for tests and closed networks."""

    ports: tuple[int, ...] = (80, 443)
    """Ports that may be asked; empty: all."""

    def __post_init__(self) -> None:
        check(
            (
                self.source != "web" or bool(self.user_agent),
                "user_agent: say who asks, for example 'lab-bot/1.0 (+https://lab.example/bot)'; source 'web' needs it",
            ),
            *positive(self, "deadline_s", "max_bytes", "max_pixels", "connections"),
            (self.max_redirects >= 0, f"max_redirects: must not be negative, got {self.max_redirects}"),
            (self.retries >= 0, f"retries: must not be negative, got {self.retries}"),
            (all(0 < port < 65536 for port in self.ports), f"ports: must be in 1 to 65535, got {list(self.ports)}"),
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class ImageSettings:
    """Which images stay (OBELICS A.1.4; MM1 appendix A.1 uses 100 and 10,000 pixels)."""

    __pydantic_config__: ClassVar = STRICT

    formats: tuple[Literal["jpeg", "png", "webp", "gif", "avif"], ...] = ("jpeg", "png", "webp")
    min_side: int = 150
    """Pixels, of the shorter side."""

    max_side: int = 20_000
    max_aspect: float = 2.0
    """Longer side divided by the shorter one."""

    banned_url_words: tuple[str, ...] = ("logo", "button", "icon", "plugin", "widget")
    """Looked for in the lower-cased URL."""

    def __post_init__(self) -> None:
        check(
            *positive(self, "min_side"),
            (
                self.max_side >= self.min_side,
                f"max_side: must be at least min_side, got {self.max_side} and min_side {self.min_side}",
            ),
            (self.max_aspect >= 1, f"max_aspect: must be at least 1, got {self.max_aspect}"),
            (bool(self.formats), "formats: name at least one of jpeg, png, webp, gif, avif"),
        )
