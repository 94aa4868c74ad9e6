//! The examples of evanesce lie beside this file, one program each.
