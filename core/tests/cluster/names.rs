//! The nicks that hosts ask for: few, so that they collide.

/// Nicks, and the group of those that look alike.
pub const NAMES: [(&str, u8); 14] = [
    ("kim", 0),
    ("Kim", 0),
    ("kіm", 0),
    ("bob", 1),
    ("bоb", 1),
    ("4821", 2),
    ("４８２１", 3),
    ("4822", 4),
    ("amy", 5),
    ("eve", 6),
    ("ｅｖｅ", 6),
    ("*", 7),
    ("a.b>", 8),
    ("zoë", 9),
];

pub fn group(nick: &str) -> u8 {
    NAMES.iter().find(|(name, _)| *name == nick).map(|(_, group)| *group).unwrap()
}

pub fn is_code(nick: &str) -> bool {
    nick.bytes().all(|byte| byte.is_ascii_digit())
}

/// Returns true if a call to `called` may reach the host with this nick.
pub fn names(called: &str, nick: &str) -> bool {
    called.eq_ignore_ascii_case(nick)
}
