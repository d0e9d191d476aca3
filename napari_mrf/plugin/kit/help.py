"""The explanations behind the question mark."""

from __future__ import annotations

from qtpy.QtCore import Qt
from qtpy.QtWidgets import QDialog, QDialogButtonBox, QTextBrowser, QVBoxLayout, QWidget

_TEXT = """
### From the fingerprints to the maps

**1 Series.** Open a fingerprinting series, drop one on the window, or choose
*File > Open Sample*. The sequence tells what the scanner played; without it nothing can
be reconstructed. The images are complex: *Show* picks what you see of them. The patient is
shown upright, in axial slices with the right side at the left of the screen; the letters at the
edges tell the directions (R right, L left, A anterior, P posterior, S superior, I inferior).

**2 Reconstruct.** Choose a method and press *Reconstruct*. The maps appear while they are
computed; *This slice* is a quick look. A second run of a method replaces its maps, and
*Cancel* brings the earlier ones back. *quality*, *flags*, *mask* and *uncertainty* are layers
that tell where to trust the maps. A warning has a button where an option may help. *Save maps…*
writes NIfTI files and a record of how they were made.

**Inspect.** Move the mouse over the image: dots are what was measured in the voxel, lines what the
maps predict. A click pins a voxel, a second one lets it go. Click in the plot to go to a frame.
*Regions* adds the mean of regions; *Export* writes CSV, SVG and PDF.

**Compare.** Pick two sets of maps, or read them *from a folder…*, and press *Compare*. The
difference is reference - test everywhere. Click a row for another map; click a point to see its
muscle in the image. *Error map* adds a layer with limits that are symmetric around zero; *Report…*
writes HTML and PDF.

**Importance.** *Measure importance* permutes the values of one frame after the other over the
voxels and reconstructs: the bars tell how much each map changes, in percent of its range. The line
is the share of the frame in the Fisher information, what it could tell. Click a bar to go to the
frame. *Show as layer* shows the change in every voxel, frame by frame.

**ROIs.** Pick a region, press *Draw*, click its corners and double-click the last one. What is
colored is what is counted: polygons and the brush of the *ROIs* layer alike. No region takes voxels
from another. Copy it to the next slice or fill the slices between; Ctrl+Z takes any change back.
The
table measures every region; a click on a row goes there, a click on the image finds the row.

**The maps.** Fat fraction is 0 to 1. Water T1 says little where there is hardly any water, fat
T1 where there is hardly any fat; such values are hidden unless you untick the box, and always
saved. Colors mean the same for every method.

**Keys.** Ctrl+R reconstruct, Ctrl+. cancel, Ctrl+P pin, Ctrl+Z and Ctrl+Shift+Z undo and redo
regions.
"""


def show_help(parent: QWidget) -> QDialog:
    """Open the explanations beside the panel, without blocking it."""
    dialog = QDialog(parent)
    dialog.setWindowTitle("MRF")
    browser = QTextBrowser()
    browser.setMarkdown(_TEXT)
    browser.setMinimumSize(440, 460)
    buttons = QDialogButtonBox(QDialogButtonBox.StandardButton.Close)
    buttons.rejected.connect(dialog.reject)
    layout = QVBoxLayout(dialog)
    layout.addWidget(browser)
    layout.addWidget(buttons)
    dialog.setAttribute(Qt.WidgetAttribute.WA_DeleteOnClose)
    dialog.show()
    return dialog
