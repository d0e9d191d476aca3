"""Tables and figures of the papers, remade: each experiment a file and a line in `experiments`."""
