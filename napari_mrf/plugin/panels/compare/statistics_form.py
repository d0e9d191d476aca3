"""The form of the Compare panel for what is asked of the statistics, before they are computed."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from qtpy.QtCore import Signal
from qtpy.QtWidgets import QCheckBox, QLineEdit, QVBoxLayout, QWidget

from napari_mrf.analysis.agreement.relative import LIMITS
from napari_mrf.analysis.comparison.options import DESIGNS, ComparisonOptions, margins_of
from napari_mrf.plugin.kit.picker import Picker, form_label, narrow_form
from napari_mrf.plugin.kit.section import Section

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

_DESIGNS = dict(zip(DESIGNS, ("two methods", "test and retest"), strict=True))
_LIMITS = dict(zip(LIMITS, ("of differences", "also in percent", "also of ratios"), strict=True))


class StatisticsForm(QWidget):
    """A section with design, margins, limits, independence of regions, and name of the study.

    Signals
    -------
    changed
        The user changed a choice.
    """

    changed = Signal()

    def __init__(self) -> None:
        super().__init__()
        self.design = _picker(_DESIGNS, "Two methods on the same data, or two scans by one method, "
                              "whose repeatability is computed")  # fmt: skip
        self.margins = QLineEdit()
        self.margins.setPlaceholderText("T1H2O=30, FF=2%")
        self.margins.setToolTip("The largest bias that is acceptable in a map, chosen before the "
                                "data are seen; in ms, Hz, or % of a fat fraction")  # fmt: skip
        self.limits = _picker(_LIMITS, "Limits of agreement of differences, and in percent of the "
                              "mean or as ratios if values are far from zero")  # fmt: skip
        self.independent = QCheckBox("Independent regions too")
        self.independent.setToolTip("Show limits as if the regions of a subject were independent, "
                                    "besides those by subjects (dashed)")  # fmt: skip
        self.study = QLineEdit()
        self.study.setToolTip("Name of the study, on every page of the report")
        content = QWidget()
        form = narrow_form()
        form.addRow(form_label("Design"), self.design)
        form.addRow(form_label("Margin ±"), self.margins)
        form.addRow(form_label("Limits"), self.limits)
        form.addRow(self.independent)
        form.addRow(form_label("Study"), self.study)
        content.setLayout(form)
        self.section = Section("Statistics", content, is_open=False)
        layout = QVBoxLayout(self)
        layout.setContentsMargins(0, 0, 0, 0)
        layout.addWidget(self.section)
        self.design.activated.connect(self._on_changed)
        self.limits.activated.connect(self._on_changed)
        self.margins.textChanged.connect(self._on_changed)
        self.independent.toggled.connect(self._on_changed)
        self._show_state()

    def chosen(self) -> dict[str, Any]:
        """Return the choices by the names of `ComparisonOptions`.

        Raises
        ------
        MRFInputError
            ``"bad-option"`` for margins that cannot be read.
        """
        return {
            "design": self.design.currentData(),
            "margins": margins_of(self._words()),
            "limits": self.limits.currentData(),
            "independent": self.independent.isChecked(),
        }

    def state(self) -> dict[str, Any]:
        """Return the choices in JSON-ready form, margins as they are written."""
        return {
            "design": self.design.currentData(),
            "margins": self.margins.text(),
            "limits": self.limits.currentData(),
            "independent": self.independent.isChecked(),
            "study": self.study.text(),
        }

    def restore(self, state: Mapping[str, Any]) -> None:
        """Set the choices; missing or unknown ones are kept."""
        for picker, name in ((self.design, "design"), (self.limits, "limits")):
            at = picker.findData(state.get(name))
            picker.setCurrentIndex(at if at >= 0 else picker.currentIndex())
        for line, name in ((self.margins, "margins"), (self.study, "study")):
            if isinstance(state.get(name), str):
                line.setText(state[name])
        if isinstance(state.get("independent"), bool):
            self.independent.setChecked(state["independent"])
        self._show_state()

    def show_options(self, options: ComparisonOptions) -> None:
        """Show the choices that a comparison was made with."""
        margins = ", ".join(f"{key}={margin:g}" for key, margin in options.margins.items())
        self.restore({"design": options.design, "limits": options.limits, "margins": margins,
                      "independent": options.independent})  # fmt: skip

    def _words(self) -> Sequence[str]:
        return self.margins.text().replace(",", " ").replace(";", " ").split()

    def _show_state(self) -> None:
        words = [] if self.design.currentIndex() == 0 else [self.design.currentText()]
        words += [f"margin {word}" for word in self._words()]
        words += [] if self.limits.currentIndex() == 0 else [self.limits.currentText()]
        words += ["independent regions too"] if self.independent.isChecked() else []
        self.section.set_state(" · ".join(words) or "two methods, no margin")

    def _on_changed(self, *_: object) -> None:
        self._show_state()
        self.changed.emit()


def _picker(entries: Mapping[str, str], tooltip: str) -> Picker:
    picker = Picker(tooltip)
    for name, text in entries.items():
        picker.addItem(text, name)
    return picker
