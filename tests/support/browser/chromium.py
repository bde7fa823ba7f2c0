"""The browser of the tests: this machine's Chromium, driven by Playwright."""

import shutil
from pathlib import Path

from playwright.async_api import Browser, Playwright

from daybook.launcher import demo_model
from daybook.web.pages import BUILT

PROGRAM = shutil.which("chromium") or shutil.which("chromium-browser")

_ARGUMENTS = [
    "--no-sandbox", "--disable-gpu", "--disable-quic", "--disable-background-networking",
    "--disable-component-update", "--disable-sync", "--no-first-run",
]  # fmt: skip


def why_not() -> str | None:
    """Why no page can be looked at here, or None."""
    if PROGRAM is None:
        return "there is no Chromium here; install it with: apt-get install chromium"
    if not Path(BUILT, "index.html").is_file():
        return "the pages are not built; build them with: scripts/pages"
    if (reason := demo_model.why_not()) is not None:
        return f"no demo model here: {reason}"
    return None


async def launch(playwright: Playwright) -> Browser:
    """Chromium without a window."""
    return await playwright.chromium.launch(executable_path=PROGRAM, args=_ARGUMENTS)
