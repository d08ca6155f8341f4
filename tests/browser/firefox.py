"""Find a Firefox for the tests of saved pages; with `--install`, get one where none is there.

python -m tests.browser.firefox --install
"""

from __future__ import annotations

import os
import shutil
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from uuid import uuid4

from marionette_driver.by import By
from marionette_driver.marionette import Marionette, WebElement
from marionette_driver.wait import Wait

from tests.browser.chromium import install_packages, starts

NAMES = ("firefox-esr", "firefox")
MAC = "/Applications/Firefox.app/Contents/MacOS/firefox"
PACKAGES = ("firefox-esr", "firefox")
"""Of Debian, and of Ubuntu."""
MISSING = (
    "The tests of saved pages need Firefox, and none was found or could be installed. "
    "Install firefox-esr or firefox with your system's packages, or set PATCHWIDGETS_FIREFOX to one."
)
SECONDS = 30
_FIND = """
const find = (root) => {
  const found = root.querySelector(arguments[0]);
  if (found !== null) return found;
  for (const each of root.querySelectorAll("*"))
    if (each.shadowRoot !== null) {
      const inside = find(each.shadowRoot);
      if (inside !== null) return inside;
    }
  return null;
};
return find(document);
"""
_MESSAGES = """
return Services.console.getMessageArray()
  .filter((each) => each instanceof Ci.nsIScriptError)
  .filter((each) => !each.isFromChromeContext && each.category !== "chrome javascript")
  .map((each) => each.errorMessage);
"""


@dataclass(frozen=True)
class FirefoxPage:
    """A page in Firefox, driven by Mozilla's own protocol."""

    marionette: Marionette

    def open(self, path: Path) -> None:
        """Open a file."""
        with self.marionette.using_context("chrome"):
            self.marionette.execute_script("Services.console.reset()")
        self.marionette.navigate(path.as_uri())

    def find(self, selector: str) -> WebElement:
        """Wait for an element, inside shadow roots too."""
        wait = Wait(self.marionette, timeout=SECONDS)
        return wait.until(lambda m: m.execute_script(_FIND, (selector,)), message=selector)

    def click(self, site: str) -> None:
        """Patch a site in the lane of the patched run."""
        self.find(f"[data-run='patched'] [data-site='{site}']").click()

    def numbers(self, *sites: str, metric: str) -> tuple[float, float]:
        """Effect and recovery of what is patched, once that is shown."""
        joined = " + ".join(sites)
        shown = self.find(f"[data-result][data-site='{joined}'][data-metric='{metric}']")
        effect, recovery = (float(shown.get_attribute(f"data-{n}")) for n in ("effect", "recovery"))
        return effect, recovery

    def press(self, key: str) -> None:
        """Press a key on what has the focus."""
        self.marionette.actions.sequence("key", "keyboard").send_keys(key).perform()

    def choose(self, selector: str, value: str) -> None:
        """Choose an option."""
        self.find(selector).find_element(By.CSS_SELECTOR, f"option[value='{value}']").click()

    @property
    def errors(self) -> list[str]:
        """What the console says of errors of pages, violations of their policy among them; not Firefox's own errors.

        What happens in a page reaches the console later, but in order, so that an error of ours comes behind it.
        """
        ours = f"Of the tests: {uuid4()}"
        self.marionette.execute_script("reportError(arguments[0])", (ours,))
        Wait(self.marionette, timeout=SECONDS).until(
            lambda _: any(ours in each for each in self._messages())
        )
        return [each for each in self._messages() if "Of the tests: " not in each]

    def _messages(self) -> list[str]:
        with self.marionette.using_context("chrome"):
            messages: list[str] = self.marionette.execute_script(_MESSAGES)
        return messages


@contextmanager
def opened() -> Iterator[FirefoxPage]:
    """A Firefox without a window, with the network off."""
    path = find()
    if path is None:
        raise RuntimeError(MISSING)
    marionette = Marionette(
        bin=path,
        headless=True,
        port=0,
        gecko_log=os.devnull,
        app_args=["-remote-allow-system-access"],
    )
    try:
        marionette.start_session()
        with marionette.using_context("chrome"):
            marionette.execute_script("Services.io.offline = true")
        yield FirefoxPage(marionette)
    finally:
        marionette.quit(in_app=False)
        marionette.cleanup()


def find() -> str | None:
    """Return the path of a Firefox that starts, or None."""
    names = [os.environ.get("PATCHWIDGETS_FIREFOX"), *map(shutil.which, NAMES), MAC]
    return next((path for path in names if path is not None and starts(path)), None)


def main() -> None:
    for package in PACKAGES if "--install" in sys.argv[1:] else ():
        if find() is None:
            install_packages(package)
    path = find()
    if path is None:
        sys.exit(MISSING)
    print(f"Firefox: {path}")


if __name__ == "__main__":
    main()
