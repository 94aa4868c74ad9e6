//! Sealed input, processing in secure memory, screened output.
