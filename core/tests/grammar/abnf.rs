//! A matcher for the ABNF of PROTOCOL.md, appendix A.

use std::collections::{BTreeMap, BTreeSet};
use std::net::IpAddr;
use std::ops::RangeInclusive;

use abnf::types::{Node, Repeat, TerminalValues};

const PROTOCOL: &str = include_str!("../../PROTOCOL.md");

/// The core rules that the appendix uses (RFC 5234, appendix B.1).
const CORE_RULES: &str = r#"ALPHA = %x41-5A / %x61-7A
CR = %x0D
DIGIT = %x30-39
HEXDIG = DIGIT / "A" / "B" / "C" / "D" / "E" / "F"
LF = %x0A
SP = %x20
"#;

/// The most bytes of a line and of a stream's first line, as the appendix says.
const MAX_LINE: usize = 8192;
const MAX_STREAM_LINE: usize = 256;

/// The rules of the appendix.
pub(crate) struct Grammar {
    rules: BTreeMap<String, Node>,
    /// From the comments `; N to M`.
    bounds: BTreeMap<String, RangeInclusive<u64>>,
}

impl Grammar {
    /// Reads the appendix.
    pub(crate) fn read() -> Self {
        let (_, rest) = PROTOCOL.split_once("\n```abnf\n").expect("an appendix with ABNF");
        let (text, _) = rest.split_once("\n```").expect("the end of the ABNF");
        let text = format!("{text}\n");
        let parsed = abnf::rulelist(&text).unwrap_or_else(|error| panic!("{error}"));
        let mut rules = BTreeMap::new();
        for rule in parsed.into_iter().chain(abnf::rulelist(CORE_RULES).unwrap()) {
            let twice = rules.insert(rule.name().to_owned(), rule.node().clone());
            assert!(twice.is_none(), "{} is defined twice", rule.name());
        }
        let bounds = text.lines().filter_map(bound).collect();
        Self { rules, bounds }
    }

    /// Returns true if `bytes` match the rule.
    pub(crate) fn matches(&self, rule: &str, bytes: &[u8]) -> bool {
        let max = if rule == "stream-line" { MAX_STREAM_LINE } else { MAX_LINE };
        bytes.len() <= max && self.ends_of_rule(rule, bytes, 0).contains(&bytes.len())
    }

    /// The rules that a rule names.
    pub(crate) fn named_by(&self, rule: &str) -> BTreeSet<&str> {
        let mut names = BTreeSet::new();
        collect_names(&self.rules[rule], &mut names);
        names
    }

    /// The verbs of a rule and of the rules it leads to: its strings that begin with `X_`.
    pub(crate) fn verbs(&self, rule: &str) -> BTreeSet<&str> {
        let mut verbs = BTreeSet::new();
        for rule in self.reachable(&[rule]) {
            collect_verbs(&self.rules[rule], &mut verbs);
        }
        verbs
    }

    /// The rules themselves and all that they lead to.
    pub(crate) fn reachable<'a>(&'a self, from: &[&'a str]) -> BTreeSet<&'a str> {
        let mut seen = BTreeSet::new();
        let mut left = from.to_vec();
        while let Some(rule) = left.pop() {
            assert!(self.rules.contains_key(rule), "{rule} is not defined");
            if seen.insert(rule) {
                left.extend(self.named_by(rule));
            }
        }
        seen
    }

    pub(crate) fn names(&self) -> impl Iterator<Item = &str> {
        self.rules.keys().map(String::as_str)
    }

    /// All places where a match that starts at `at` can end.
    fn ends(&self, node: &Node, bytes: &[u8], at: usize) -> BTreeSet<usize> {
        match node {
            Node::Alternatives(nodes) => {
                nodes.iter().flat_map(|node| self.ends(node, bytes, at)).collect()
            }
            Node::Concatenation(nodes) => nodes.iter().fold(BTreeSet::from([at]), |from, node| {
                from.into_iter().flat_map(|at| self.ends(node, bytes, at)).collect()
            }),
            Node::Repetition { repeat, node } => self.repeated(repeat, node, bytes, at),
            Node::Rulename(rule) => self.ends_of_rule(rule, bytes, at),
            Node::Group(node) => self.ends(node, bytes, at),
            Node::Optional(node) => {
                let mut ends = self.ends(node, bytes, at);
                ends.insert(at);
                ends
            }
            Node::String(string) => {
                let expected = string.value().as_bytes();
                let found = bytes.get(at..at + expected.len()).is_some_and(|found| {
                    match string.is_case_sensitive() {
                        true => found == expected,
                        false => found.eq_ignore_ascii_case(expected),
                    }
                });
                found.then_some(at + expected.len()).into_iter().collect()
            }
            Node::TerminalValues(TerminalValues::Range(from, to)) => {
                let found =
                    bytes.get(at).is_some_and(|byte| (*from..=*to).contains(&(*byte).into()));
                found.then_some(at + 1).into_iter().collect()
            }
            Node::TerminalValues(TerminalValues::Concatenation(values)) => {
                let found = bytes.get(at..at + values.len()).is_some_and(|found| {
                    found.iter().zip(values).all(|(byte, value)| u32::from(*byte) == *value)
                });
                found.then_some(at + values.len()).into_iter().collect()
            }
            Node::Prose(text) => panic!("a matcher cannot read <{text}>"),
        }
    }

    fn ends_of_rule(&self, rule: &str, bytes: &[u8], at: usize) -> BTreeSet<usize> {
        let node = self.rules.get(rule).unwrap_or_else(|| panic!("{rule} is not defined"));
        let mut ends = self.ends(node, bytes, at);
        ends.retain(|end| self.holds(rule, &bytes[at..*end]));
        ends
    }

    fn repeated(&self, repeat: &Repeat, node: &Node, bytes: &[u8], at: usize) -> BTreeSet<usize> {
        let (min, max) = match repeat {
            Repeat::Specific(times) => (*times, *times),
            Repeat::Variable { min, max } => (min.unwrap_or(0), max.unwrap_or(usize::MAX)),
        };
        let (mut ends, mut from) = (BTreeSet::new(), BTreeSet::from([at]));
        for times in 0..=max {
            if times >= min {
                ends.extend(&from);
            }
            if times == max || from.is_empty() {
                break;
            }
            from = from.into_iter().flat_map(|at| self.ends(node, bytes, at)).collect();
        }
        ends
    }

    /// Applies the comments of the appendix, for what ABNF cannot express.
    fn holds(&self, rule: &str, matched: &[u8]) -> bool {
        let text = || std::str::from_utf8(matched).unwrap_or_default();
        if let Some(bounds) = self.bounds.get(rule) {
            return text().parse().is_ok_and(|number| bounds.contains(&number));
        }
        match rule {
            "ip" => text().parse::<IpAddr>().is_ok(),
            "name" => matched.len() <= 1024,
            "part" => !matches!(matched, b"." | b".."),
            _ => true,
        }
    }
}

/// Reads `rule = … ; N to M`.
fn bound(line: &str) -> Option<(String, RangeInclusive<u64>)> {
    let (definition, comment) = line.split_once(';')?;
    let (rule, _) = definition.split_once('=')?;
    let (from, to) = comment.trim().split_once(" to ")?;
    Some((rule.trim().to_owned(), from.parse().ok()?..=to.parse().ok()?))
}

fn collect_names<'a>(node: &'a Node, names: &mut BTreeSet<&'a str>) {
    if let Node::Rulename(name) = node {
        names.insert(name);
    }
    parts(node).iter().for_each(|node| collect_names(node, names));
}

fn collect_verbs<'a>(node: &'a Node, verbs: &mut BTreeSet<&'a str>) {
    if let Node::String(string) = node
        && let Some(verb) = string.value().split(' ').next()
        && verb.len() > "X_".len()
        && verb.starts_with("X_")
    {
        verbs.insert(verb);
    }
    parts(node).iter().for_each(|node| collect_verbs(node, verbs));
}

fn parts(node: &Node) -> &[Node] {
    match node {
        Node::Alternatives(nodes) | Node::Concatenation(nodes) => nodes,
        Node::Repetition { node, .. } | Node::Group(node) | Node::Optional(node) => {
            std::slice::from_ref(node)
        }
        _ => &[],
    }
}
