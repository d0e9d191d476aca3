"""A dock with every panel filled and every section open, and what of it does not fit.

Called as a script it prints what does not fit, for the scale that ``QT_SCALE_FACTOR`` sets.
"""

import sys
import time

import numpy as np
from matplotlib.text import Annotation, Text
from napari._qt.qt_resources import get_stylesheet
from napari.components import ViewerModel
from qtpy.QtCore import QPoint, Qt
from qtpy.QtWidgets import (
    QAbstractButton,
    QAbstractSpinBox,
    QApplication,
    QCheckBox,
    QComboBox,
    QDockWidget,
    QHeaderView,
    QLabel,
    QLineEdit,
    QMainWindow,
    QRadioButton,
    QScrollArea,
    QStyle,
    QStyleOptionComboBox,
    QTableView,
    QToolButton,
    QTreeView,
    QWidget,
)

from napari_mrf import MRFSeries, ParameterMaps
from napari_mrf.data import sequences
from napari_mrf.io import Label
from napari_mrf.plugin.dock import MRFDock
from napari_mrf.plugin.kit.choice_button import ChoiceButton
from napari_mrf.plugin.kit.picker import Picker
from napari_mrf.plugin.kit.plot_canvas import PlotCanvas
from napari_mrf.plugin.kit.section import ElidedLabel, Section
from napari_mrf.plugin.layers import series_layer_data
from napari_mrf.plugin.panels.compare.work import compare_sets
from napari_mrf.plugin.panels.inspect.values import InspectValues
from napari_mrf.plugin.session import MapsSet, Regions, session_of
from napari_mrf.plugin.viewer.maps_display import maps_display_of

SHAPE = (2, 8, 12)
AFFINE = np.diag([-1.5, -2.0, -8.0, 1.0])
KEYS = {"FF": (0.1, 0.02), "T1H2O": (1300, 20), "T1fat": (320, 9), "Df": (0, 5), "B1": (1, 0.05)}
NAMES = {label: Label(label, name, (20 * label, 90, 90))
         for label, name in enumerate(("VL_R", "RF_R", "BFLH_R", "GM_R"), 1)}  # fmt: skip


def filled_viewer(subjects=("thigh",)):
    """Return a viewer with a series, two sets of maps and four regions for each subject."""
    viewer = ViewerModel()
    for subject in subjects:
        series = MRFSeries(np.ones((175, *SHAPE), np.complex64), AFFINE, sequences.t1ff(),
                           source_path=f"/data/{subject}.nii.gz")  # fmt: skip
        data, attributes, _ = series_layer_data(series, subject)
        viewer.add_image(data, **attributes)
        session_of(viewer).set_series(series, subject)
        labels = np.zeros(SHAPE, np.uint16)
        for label in NAMES:
            labels[:, :, 3 * label - 3 : 3 * label] = label
        for seed, name in enumerate(("water-fat", "cohen 25 frames averaged")):
            random = np.random.default_rng(seed)
            values = {key: random.normal(*about, SHAPE) for key, about in KEYS.items()}
            maps = ParameterMaps(values, affine=AFFINE, flags=np.zeros(SHAPE, np.uint8),
                                 quality=np.full(SHAPE, 0.97, np.float32),
                                 uncertainty={key: np.ones(SHAPE, np.float32) for key in KEYS},
                                 provenance={"method": {"name": "water-fat"}})  # fmt: skip
            maps_display_of(viewer).add(MapsSet(name, maps, subject, 3.0))
        session_of(viewer).set_regions(Regions(labels, NAMES, affine=AFFINE))
    return viewer


def filled_dock(viewer, *, width, points, theme="dark"):
    """Return a window with the dock, every section open, at a width and a size of letters."""
    window = QMainWindow()
    window.setStyleSheet(get_stylesheet(theme, extra_variables={"font_size": f"{points}pt"}))
    viewer.theme = theme
    dock = MRFDock(viewer)
    frame = QDockWidget("MRF", window)
    frame.setWidget(dock)
    window.addDockWidget(Qt.DockWidgetArea.RightDockWidgetArea, frame)
    window.setCentralWidget(QWidget())
    fill(viewer, dock)
    open_sections(dock)
    window.resize(1000, 900)
    window.show()
    window.resizeDocks([frame], [width], Qt.Orientation.Horizontal)
    window.dock = dock
    values = dock.panels["inspect"].values
    wait_until(lambda: values.model().rowCount())
    settle()
    return window


def fill(viewer, dock):
    """Show in every panel what takes most room."""
    session, panels = session_of(viewer), dock.panels
    compare = dock.bindings["compare"]
    reference, test = session.maps_sets.values()
    work = compare_sets(reference, test, session.regions, compare._options(), {}, "thigh")
    try:
        while True:
            next(work)
    except StopIteration as done:
        compare.memory.here.compared = done.value
        compare._show_remembered()
    importance = panels["importance"]
    importance.set_maps([*KEYS], "FF")
    importance.results.show()
    session.select_voxel((0, 3, 4))
    panels["rois"].set_drawing("BFLH_R", True)
    for panel in (panels["series"], panels["reconstruct"], panels["rois"], panels["compare"]):
        panel.notice.say(
            "/home/somebody/a/rather/long/path/results: the folder is not writable "
            "(Permission denied). Choose another folder.", cure="Take them together",
        )  # fmt: skip


def open_sections(dock):
    for section in dock.findChildren(Section):
        section.set_open(True)


def settle():
    for _ in range(12):
        QApplication.processEvents()


def wait_until(is_there):
    """Let the window work until something is there; what never comes is an error."""
    end = time.monotonic() + 60
    while not is_there():
        assert time.monotonic() < end
        QApplication.processEvents()
        time.sleep(0.005)


def what_does_not_fit(dock):
    """Return a sentence for every visible text or control that has less room than it needs."""
    found = []
    area = dock.findChild(QScrollArea)
    room = area.viewport().width()
    if area.widget().width() > room:
        found.append(f"the column is {area.widget().width()} wide, {room} are there")
    for widget in dock.findChildren(QWidget):
        if not widget.isVisible() or widget.width() == 0:
            continue
        lack = _lack(widget)
        if lack:
            found.append(f"{type(widget).__name__} {_words(widget)!r}: {lack}")
        elif isinstance(widget, QAbstractButton | QLabel | QComboBox | QLineEdit):
            edge = widget.mapTo(dock, QPoint(widget.width(), 0)).x()
            if edge > dock.width():
                found.append(f"{type(widget).__name__} {_words(widget)!r}: ends at {edge}")
    return found


def _words(widget):
    return widget.text() if hasattr(widget, "text") else widget.objectName() or widget.toolTip()


def _lack(widget):
    """Return what a widget lacks; what ends with an ellipsis by design has a tooltip."""
    if isinstance(widget, ElidedLabel):
        return _lack_of(widget.fontMetrics().height(), widget.contentsRect().height(), "height")
    if isinstance(widget, QLabel):
        return _label_lack(widget)
    if isinstance(widget, ChoiceButton):
        return "" if widget.toolTip() else "no tooltip"
    if isinstance(widget, QAbstractButton) and (_words(widget) or isinstance(widget, QCheckBox)):
        hint = widget.sizeHint()
        if isinstance(widget, QToolButton) and not widget.text():
            return ""
        text = widget.fontMetrics().size(Qt.TextFlag.TextShowMnemonic, widget.text())
        if isinstance(widget, QCheckBox | QRadioButton):
            return _lack_of(hint.width(), widget.width(), "width") or _lack_of(
                text.height(), widget.height(), "height")  # fmt: skip
        extra = 14 if isinstance(widget, QAbstractButton) and getattr(widget, "menu", None) and (
            widget.menu() is not None) else 4  # fmt: skip
        return _lack_of(text.width() + extra, widget.width(), "width") or _lack_of(
            text.height(), widget.height(), "height")  # fmt: skip
    if isinstance(widget, QComboBox):
        return _combo_lack(widget)
    if isinstance(widget, QAbstractSpinBox):
        line = widget.findChild(QLineEdit)
        longest = max((line.text(), *_ends(widget)), key=len)
        return _lack_of(
            widget.fontMetrics().horizontalAdvance(longest), line.width() - 2, "width"
        ) or _lack_of(widget.fontMetrics().height(), line.height(), "height")
    if isinstance(widget, QLineEdit) and not isinstance(widget.parent(), QAbstractSpinBox):
        words = widget.placeholderText()
        return _lack_of(
            widget.fontMetrics().horizontalAdvance(words), widget.width() - 6, "width"
        ) or _lack_of(widget.fontMetrics().height(), widget.height() - 2, "height")
    if isinstance(widget, QHeaderView) and widget.orientation() is Qt.Orientation.Horizontal:
        return _header_lack(widget)
    if isinstance(widget, PlotCanvas):
        return _plot_lack(widget)
    if isinstance(widget, InspectValues) and widget.model().rowCount():
        return _values_lack(widget)
    if isinstance(widget, QTableView) and widget.model() and widget.model().rowCount():
        return _lack_of(widget.fontMetrics().height(), widget.rowHeight(0), "row height")
    if isinstance(widget, QTreeView) and widget.model() and widget.model().rowCount():
        first = widget.visualRect(widget.model().index(0, 0))
        return _lack_of(widget.fontMetrics().height(), first.height(), "row height")
    return ""


def _label_lack(label):
    if not label.text() or (label.pixmap() and not label.pixmap().isNull()):
        return ""
    room = label.contentsRect()
    if label.wordWrap():
        needed = label.heightForWidth(label.width())
        longest = max((part for part in label.text().replace("\u200b", " ").split()), key=len)
        return _lack_of(needed, label.height(), "height") or _lack_of(
            label.fontMetrics().horizontalAdvance(longest), room.width(), "width")  # fmt: skip
    hint = label.sizeHint()
    return _lack_of(hint.width(), label.width(), "width") or _lack_of(
        hint.height() - 2, label.height(), "height")  # fmt: skip


def _combo_lack(combo):
    option = QStyleOptionComboBox()
    combo.initStyleOption(option)
    field = combo.style().subControlRect(
        QStyle.ComplexControl.CC_ComboBox, option, QStyle.SubControl.SC_ComboBoxEditField, combo
    )
    least = "mmmm" if isinstance(combo, Picker) else max(
        (combo.itemText(at) for at in range(combo.count())), key=len, default="")  # fmt: skip
    metrics = combo.fontMetrics()
    return _lack_of(metrics.horizontalAdvance(least), field.width(), "width") or _lack_of(
        metrics.height(), combo.height() - 2, "height")  # fmt: skip


def _header_lack(header):
    metrics = header.fontMetrics()
    model = header.model()
    for at in range(model.columnCount()):
        if header.isSectionHidden(at):
            continue
        title = str(model.headerData(at, Qt.Orientation.Horizontal) or "")
        needed = max(metrics.horizontalAdvance(line) for line in title.split("\n"))
        lack = _lack_of(needed, header.sectionSize(at), "width")
        if lack:
            return f"{title!r}: {lack}"
    return _lack_of(metrics.height(), header.height(), "height")


def _plot_lack(canvas):
    """Return which texts of a plot are not all inside it."""
    room = canvas.figure.bbox.padded(0.5)
    renderer = canvas.get_renderer()
    shown = [axes for axes in canvas.figure.axes if axes.get_visible()]
    cut = [text.get_text() for axes in shown for text in axes.findobj(Text)
           if text.get_visible() and text.get_text() and not isinstance(text, Annotation)
           and not _is_inside(text.get_window_extent(renderer), room)
           and _is_on_axis(axes, text)]  # fmt: skip
    return f"cut: {cut}" if cut else ""


def _is_on_axis(axes, text):
    """Return whether a text is drawn: ticks beyond the limits of an axis are kept, unseen."""
    for axis in (axes.xaxis, axes.yaxis):
        if text in axis.get_ticklabels() or text in (axis.label, axis.offsetText):
            drawn = [tick for tick in axis._update_ticks() for tick in (tick.label1, tick.label2)]
            return axes.axison and axis.get_visible() and (
                text in drawn or text is axis.label)  # fmt: skip
    return axes.axison or text in axes.texts


def _is_inside(box, room):
    return room.x0 <= box.x0 and box.x1 <= room.x1 and room.y0 <= box.y0 and box.y1 <= room.y1


def _values_lack(table):
    """Return what of the values is beyond the edge of the table, or on other ones."""
    metrics, room = table.fontMetrics(), table.viewport().rect()
    columns = range(1, table.model().columnCount())
    for row in range(table.model().rowCount()):
        cell = table.visualRect(table.model().index(row, 0))
        places = (
            dict(table.places(cell))
            if table.per_line
            else {column: table.visualRect(table.model().index(row, column)) for column in columns}
        )
        for column in columns:
            texts = table.cell(row, column).split("\n")
            texts += [table.titles()[column]] if table.per_line else []
            needed = max(metrics.horizontalAdvance(text) for text in texts)
            lack = _lack_of(needed, places[column].width() - 2, "width")
            if lack or places[column].right() > room.right():
                return f"{table.titles()[column]}: {lack or 'beyond the edge'}"
    return _lack_of(metrics.height(), table.rowHeight(0), "row height")


def _ends(spin):
    texts = [spin.textFromValue(spin.maximum())] if hasattr(spin, "textFromValue") else []
    return [text for text in texts if len(text) < 12]


def _lack_of(needed, there, what):
    return f"{what} {there}, needs {needed}" if there < needed else ""


if __name__ == "__main__":
    app = QApplication(sys.argv)
    window = filled_dock(filled_viewer(), width=300, points=12)
    found = what_does_not_fit(window.dock)
    sys.stdout.write("\n".join([*found, f"{app.devicePixelRatio():g} dots a pixel"]))
