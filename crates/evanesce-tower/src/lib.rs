//! tower layers: session, consent, egress screen.
