"""Files of the user: the dialogs that ask for them."""
