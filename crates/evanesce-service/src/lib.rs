//! The Evanesce builder: start checks, restore gate, background tasks, ordered stop.
