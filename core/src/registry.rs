//! The relay as a state machine (section 5).
