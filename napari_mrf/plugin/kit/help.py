"""The help text behind the *?* button."""

from __future__ import annotations

from qtpy.QtCore import Qt
from qtpy.QtWidgets import QDialog, QDialogButtonBox, QTextBrowser, QVBoxLayout, QWidget

_TEXT = """
### From the fingerprints to the maps

**1 Series.** Open a fingerprinting series, drop one on the window, or choose
*File > Open Sample*. The sequence describes the pulses of the scan; without it no maps can
be reconstructed. The images are complex: *Show* selects magnitude, phase, real or imaginary part,
or the mean over all frames.
The patient is shown upright. In axial slices the right side of the patient is on the left of the
screen; the letters at the edges name the directions (R right, L left, A anterior, P posterior,
S superior, I inferior). A second series is another subject: *Subject* picks the one that is shown,
and nothing of the others is replaced or lost.

**2 Reconstruct.** Choose a method and press *Reconstruct*. The maps appear while they are
computed; *This slice* is a quick preview. A second run of a method replaces its maps;
*Cancel* restores the earlier ones. The layers *quality*, *flags*, *mask* and *uncertainty*
show how reliable the maps are. A warning has a button if an option may help. *Save maps…*
writes NIfTI files and a record of the reconstruction.

**3 Inspect.** Move the mouse over the image: dots are the measured fingerprint of the voxel, lines
are predicted from the maps. Click a voxel to pin it; click it again to unpin it. Click in the plot
to go to a frame. *Regions* adds the mean of regions; *Export* writes CSV, SVG and PDF.
*Distribution, profile* compares one map of all sets in regions, or along a line that you draw.

**4 ROIs.** Pick a region, press *Draw*, click its corners and double-click the last one. All
voxels inside the outlines count, whether you drew them as a polygon or with the brush. A
region never takes voxels from another region. You can copy a region to the next slice or fill the
slices between; Ctrl+Z undoes any change. The table shows the statistics of every region. Click a
row to go to its region; click a region in the image to find its row.

**5 Compare.** Pick two sets of maps, or read them *from a folder…*, and press *Compare*. The
difference is always reference - test. Click a row for another map; click a point to see its
region in the image. *Error map* adds a layer with limits that are symmetric around zero; *Report…*
writes HTML and PDF.

**6 Importance.** *Measure importance* permutes the values of one frame after another over the
voxels and reconstructs each time: the bars show how much each map changes, in percent of its
range. The line is the share of the frame in the Fisher information: how much the frame could
contribute. Click a bar to go to the frame. *Show as layer* shows the change in every voxel, frame
by frame.

**Maps bar.** A button shows one map and hides the others. *Side by side* opens a second picture
with the same slice, zoom and cursor, *Flicker* alternates the two, *3 planes* shows axial, coronal
and sagittal planes through the cursor.

**The maps.** The fat fraction is 0 to 1. Water T1 is not reliable where there is almost no water,
fat T1 where there is almost no fat. Such values are hidden unless you clear the box *Hide invalid
values*; saved maps contain all values. Colors have the same meaning for every method.

**Keys.** Ctrl+R reconstruct, Ctrl+. cancel, Ctrl+P pin, Ctrl+Z undo and Ctrl+Shift+Z redo for
regions, Ctrl+B outlines of regions or filled regions. Ctrl+1 to Ctrl+7 show the maps of a set,
Ctrl+8 its quality, Ctrl+9 the standard deviation, Ctrl+0 the same map of the other set; H, held
over the canvas, the map to compare with. The keys . and , pick the next and the previous region.
"""


def show_help(parent: QWidget) -> QDialog:
    """Open the help in a window that does not block the panel."""
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
