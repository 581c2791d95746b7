//! The kind of device that a host says it is (section 9.3).

use alloc::vec::Vec;

/// The start of its word in X_CAPS.
const PREFIX: &str = "device-";

/// The kind of device that a host says it is (section 9.3). Nothing proves it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Device {
    /// A phone.
    Phone,
    /// A tablet.
    Tablet,
    /// A computer with a screen and a pointer, as a page's browser has them.
    Computer,
    /// A program in a terminal, or without a screen.
    Terminal,
}

impl Device {
    /// Every kind.
    pub const ALL: [Self; 4] = [Self::Phone, Self::Tablet, Self::Computer, Self::Terminal];

    /// Returns the kind that [`as_str`](Self::as_str) names so.
    pub fn parse(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|device| device.as_str() == name)
    }

    /// Returns its name: one English word in lower case.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Phone => "phone",
            Self::Tablet => "tablet",
            Self::Computer => "computer",
            Self::Terminal => "terminal",
        }
    }

    /// Returns the device that a word of X_CAPS names.
    pub(crate) fn of_word(word: &str) -> Option<Self> {
        Self::parse(word.strip_prefix(PREFIX)?)
    }

    /// Appends its word in X_CAPS.
    pub(crate) fn encode(self, out: &mut Vec<u8>) {
        out.extend_from_slice(PREFIX.as_bytes());
        out.extend_from_slice(self.as_str().as_bytes());
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_word_names_its_device() {
        for device in Device::ALL {
            let mut word = Vec::new();
            device.encode(&mut word);
            assert_eq!(Device::of_word(core::str::from_utf8(&word).expect("ASCII")), Some(device));
            assert_eq!(Device::of_word(device.as_str()), None, "without its prefix");
        }
        for other in ["secure", "device", "device-", "device-phone-2", "Device-phone"] {
            assert_eq!(Device::of_word(other), None, "{other}");
        }
    }
}
