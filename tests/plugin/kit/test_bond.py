"""Connections of a panel end with it, whatever has become of the senders."""

import gc
import sys
import weakref

from napari.utils.events import EventEmitter
from psygnal import Signal
from qtpy.QtWidgets import QWidget

from napari_mrf.plugin.kit.bond import Bond


class Sender:
    sent = Signal(int)


def test_a_sender_that_is_being_collected_keeps_no_other_connected(qtbot):
    panel, sender, emitter = QWidget(), Sender(), EventEmitter(type_name="moved")
    heard = []

    def hear(what=None):
        heard.append(what)

    bond = Bond(panel)
    bond.connect(sender.sent, hear)
    bond.connect(emitter, hear)
    sender.sent.emit(1)
    emitter()
    assert len(heard) == 2
    vars(emitter).clear()  # what the collector does to it before it is gone
    bond.release()
    sender.sent.emit(2)
    assert len(heard) == 2


def test_a_panel_that_nobody_keeps_is_gone(qtbot):
    sender = Sender()

    class Panel(QWidget):
        def __init__(self):
            super().__init__()
            self.bond = Bond(self)
            self.bond.connect(sender.sent, self.hear)

        def hear(self, what):
            raise AssertionError(what)

    panel = weakref.ref(Panel())
    gc.collect()
    assert panel() is None
    sender.sent.emit(1)


def test_disconnecting_calls_no_function_that_the_collector_may_have_taken_apart(qtbot):
    called = []
    panel, sender = QWidget(), Sender()
    bond = Bond(panel)
    bond.connect(sender.sent, called.append)
    bond.connect(sender.sent, lambda what: called.append(what))
    functions = []
    sys.setprofile(lambda frame, event, _: functions.append(frame.f_code.co_qualname)
                   if event == "call" else None)  # fmt: skip
    try:
        bond.release()
    finally:
        sys.setprofile(None)
    ours = [name for name in functions if "bond" in name.lower() or "<lambda>" in name]
    assert ours == ["Bond.release"]
    sender.sent.emit(1)
    assert called == []
