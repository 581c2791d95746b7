//! Addresses of bridges, which the npm package reads alike.

use xcher::RelayAddress;

const ADDRESSES: &str = include_str!("../../../tests/bridge_urls.txt");

#[test]
fn reads_addresses_of_bridges_as_the_package_does() {
    let lines = ADDRESSES.lines().filter(|line| !line.starts_with('#'));
    for line in lines {
        let (address, expected) = line.split_once(' ').expect("two columns");
        let expected = Some(expected.trim()).filter(|text| *text != "refused");
        let parsed = address.parse::<RelayAddress>().ok();
        let canonical = parsed.map(|address| address.canonical());
        assert_eq!(canonical.as_deref(), expected, "{address}");
    }
}
