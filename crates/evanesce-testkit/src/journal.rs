//! The contract suite of this port.
