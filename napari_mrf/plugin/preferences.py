"""The plugin's settings in napari's Preferences, and their defaults."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Callable

_PLUGIN = "napari-mrf"


@dataclass(frozen=True)
class Preferences:
    """The settings of the plugin.

    Parameters
    ----------
    method, device : str
        Selected when a panel opens.
    t1h2o_below, t1fat_above : float
        Fat-fraction thresholds of the validity rules.
    hide_invalid : bool
        Whether maps are shown only where they are valid.
    """

    method: str = "water-fat"
    device: str = "auto"
    t1h2o_below: float = 0.7
    t1fat_above: float = 0.3
    hide_invalid: bool = True

    @property
    def thresholds(self) -> dict[str, float]:
        """Thresholds as `parameters.validity_rules` takes them."""
        return {"T1H2O": self.t1h2o_below, "T1fat": self.t1fat_above}


_THRESHOLDS = {name: getattr(Preferences, name) for name in ("t1h2o_below", "t1fat_above")}


def preferences() -> Preferences:
    """Return the current preferences."""
    from napari.settings import get_plugin_settings

    try:
        # Its fields come from the manifest, so no type tells them.
        settings: Any = get_plugin_settings(_PLUGIN)
    except KeyError:  # the plugin is not installed, only imported
        return Preferences()
    return Preferences(
        method=settings.reconstruct.method,
        device=settings.reconstruct.device,
        **{
            name: _fraction(getattr(settings.validity, name), default)
            for name, default in _THRESHOLDS.items()
        },
        hide_invalid=settings.validity.hide_invalid,
    )


def _fraction(text: str, default: float) -> float:
    """Return the fraction that a text says, or the default where it says none.

    Thresholds are texts: napari's field for numbers writes two decimals after each key, so that
    0.1 cannot be typed. The manifest says beside the field that the default counts else, and
    `_tell_text` says it when it does.
    """
    value = _value(text)
    return default if value is None else value


def _value(text: str) -> float | None:
    """Return a number from 0 to 1, also with a decimal comma; None for other texts."""
    try:
        value = float(text.replace(",", "."))
    except ValueError:
        return None
    return value if 0 <= value <= 1 else None


_TOLD: dict[str, str] = {}


def _tell_text(_: Any) -> None:
    """Say that a threshold that was typed is none; not while it has only begun to be typed."""
    from napari.settings import get_plugin_settings
    from napari.utils.notifications import show_warning

    settings: Any = get_plugin_settings(_PLUGIN)
    for name, default in _THRESHOLDS.items():
        text = str(getattr(settings.validity, name)).strip()
        is_new, _TOLD[name] = _TOLD.get(name) != text, text
        if is_new and text not in ("", ".", ",", "-") and _value(text) is None:
            show_warning(f"{text} is no fat fraction from 0 to 1: {default:g} counts.")


def follow_validity(slot: Callable[[Any], None]) -> None:
    """Call a bound method, which is kept alive by nobody, after each change of the validity rules.

    The type of the event it gets is the name of the preference.
    """
    from napari.settings import get_plugin_settings

    try:
        settings: Any = get_plugin_settings(_PLUGIN)
    except KeyError:
        return
    settings.validity.events.connect(_tell_text)  # once, however often
    settings.validity.events.connect(slot)
