"""Does the hub answer? One short request, because its own client would repeat a failed one for most of a minute."""

from huggingface_hub import constants, get_session, hf_hub_url
from huggingface_hub.utils import build_hf_headers  # type: ignore[attr-defined]  # public, but not declared

from patchwidgets.errors import in_one_line

SECONDS = 5
"""How long an answer may take."""


def hub_problem(name: str, revision: str | None = None) -> str | None:
    """Return why the hub gives nothing under a name, in words; None if it answers, also that it has no such model.

    Parameters
    ----------
    name, revision
        Of a model on the hub.
    """
    if constants.HF_HUB_OFFLINE:
        return "HF_HUB_OFFLINE is set, so that only models downloaded before are found"
    url = hf_hub_url(name, "config.json", revision=revision, endpoint=constants.ENDPOINT)
    try:
        answer = get_session().head(
            url, headers=build_hf_headers(), timeout=SECONDS, follow_redirects=True
        )
    except Exception as error:  # noqa: BLE001  the hub's client is httpx in one version and httpx2 in the next
        return f"the hub at {constants.ENDPOINT} does not answer ({in_one_line(error)})"
    if answer.status_code < 500 and answer.status_code != 429:
        return None
    return f"the hub at {constants.ENDPOINT} answers {answer.status_code} {answer.reason_phrase}"
