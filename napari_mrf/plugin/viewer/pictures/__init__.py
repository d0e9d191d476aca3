"""Pictures beside the canvas: the same layers, cut in any plane and painted by Qt.

napari has one canvas a window. A second one of its own would need copies of all layers, kept in
step by hand; a picture reads the layers that there are, and the camera, each time it is painted.
"""
