//! Any first line of a tunnel's stream (section 10.2): a parsed line is written with the same
//! meaning, and agrees with a simple parser.

#![no_main]

use std::net::{IpAddr, SocketAddr};

use libfuzzer_sys::fuzz_target;
use xcher_core::secure::Side;
use xcher_core::tunnel::FirstLine;
use xcher_core_fuzz::assert_printable;

fuzz_target!(|text: &str| {
    let line = text.split('\n').next().unwrap_or_default();
    let read = match FirstLine::parse(line) {
        Ok(read) => read,
        Err(error) => {
            assert_printable(&error.to_string());
            return assert!(parse_simply(line).is_none());
        }
    };
    assert_eq!(Some(&read), parse_simply(line).as_ref());
    let written = read.to_line();
    let written = std::str::from_utf8(&written).expect("UTF-8");
    let again = written.strip_suffix('\n').expect("a line end");
    assert!(!again.contains('\n'));
    assert_eq!(FirstLine::parse(again), Ok(read));
});

fn parse_simply(line: &str) -> Option<FirstLine<'_>> {
    if let Some(reason) = line.strip_prefix("NO ") {
        return Some(FirstLine::No { reason });
    }
    match line.split(' ').collect::<Vec<_>>()[..] {
        ["X_RELAY"] => Some(FirstLine::Relay),
        ["X_LISTEN"] => Some(FirstLine::Listen),
        ["X_LISTEN", ip, number] => Some(FirstLine::Listening(at(ip, number)?)),
        ["X_ACCEPT", own, ip, number] => {
            Some(FirstLine::Accept { port: port(own)?, from: at(ip, number)? })
        }
        ["X_DIAL", ip, number] => Some(FirstLine::Dial(at(ip, number)?)),
        ["X_DATA", side, count] => {
            let side = match side {
                "A" => Side::Caller,
                "B" => Side::Callee,
                _ => return None,
            };
            Some(FirstLine::Data { side, number: number(count)? })
        }
        ["YES"] => Some(FirstLine::Yes),
        _ => None,
    }
}

fn at(ip: &str, number: &str) -> Option<SocketAddr> {
    let ip: IpAddr = ip.parse().ok()?;
    Some(SocketAddr::new(ip, port(number)?))
}

fn number(text: &str) -> Option<u64> {
    let digits = text.bytes().all(|byte| byte.is_ascii_digit());
    text.parse().ok().filter(|_| digits)
}

fn port(text: &str) -> Option<u16> {
    let digits = text.bytes().all(|byte| byte.is_ascii_digit());
    text.parse().ok().filter(|port| *port != 0 && digits)
}
