//! Use personal data, then prove that it is gone.
