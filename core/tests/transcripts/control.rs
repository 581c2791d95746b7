//! One side of a control connection, driven by a transcript.

use xcher_core::session::{Event, Question};
use xcher_core::{FileName, Limits, MisuseError, Session, Size, Stat};

pub(crate) struct Control(Session);

impl Control {
    pub(crate) fn new() -> Self {
        Self(Session::new(&Limits::default()))
    }
}

impl crate::Side for Control {
    fn perform(&mut self, text: &str, out: &mut Vec<u8>) -> Vec<String> {
        let (verb, rest) = text.split_once(' ').unwrap_or((text, ""));
        if verb == "close" {
            return self
                .0
                .close()
                .err()
                .map(|error| format!("error {error}"))
                .into_iter()
                .collect();
        }
        match act(&mut self.0, verb, rest, out) {
            Ok(()) => Vec::new(),
            Err(misuse) => vec![format!("misuse {misuse}")],
        }
    }

    fn receive(&mut self, bytes: &[u8], out: &mut Vec<u8>) -> Vec<String> {
        self.0.receive(bytes);
        let mut reported = Vec::new();
        loop {
            match self.0.next_event(out) {
                Ok(Some(event)) => reported.push(report(event)),
                Ok(None) => return reported,
                Err(error) => {
                    reported.push(format!("error {error}"));
                    return reported;
                }
            }
        }
    }
}

fn act(
    session: &mut Session,
    verb: &str,
    rest: &str,
    out: &mut Vec<u8>,
) -> Result<(), MisuseError> {
    match verb {
        "list" => session.list(out),
        "check" => session.check(name(rest), out),
        "request" => {
            let (name, size, port) = request(rest);
            session.request(name, size, port, out).map(|_| ())
        }
        "settle" => {
            session.settle(rest);
            Ok(())
        }
        "end" => session.end(out),
        "entry" => {
            let (text, bytes) = rest.rsplit_once(' ').expect("NAME SIZE");
            session.answer_entry(
                name(text),
                Size::parse(bytes).expect("a size"),
                Stat::default(),
                out,
            )
        }
        "list-end" => session.answer_list_end(out),
        "yes" | "no" => {
            assert_eq!(session.question(), Some(&Question::Check(name(rest).to_owned())));
            session.answer_check(verb == "yes", out)
        }
        "take" => {
            let (name, size, port) = request(rest);
            let taken = session.take_request(out).expect("a request");
            assert_eq!((taken.name, taken.size, taken.port), (name.to_owned(), size, port));
            Ok(())
        }
        "refuse" => {
            session.refuse(&name(rest).to_owned(), out);
            Ok(())
        }
        _ => panic!("unknown action {verb:?}"),
    }
}

fn name(text: &str) -> FileName<&str> {
    FileName::parse(text).expect("a name")
}

fn request(text: &str) -> (FileName<&str>, Size, u16) {
    let (text, port) = text.rsplit_once(' ').expect("NAME SIZE PORT");
    let (text, size) = text.rsplit_once(' ').expect("NAME SIZE PORT");
    (name(text), Size::parse(size).expect("a size"), port.parse().expect("a port"))
}

fn report(event: Event) -> String {
    match event {
        Event::Question => "question".into(),
        Event::InvalidQuestion(error) => format!("bad-question {error}"),
        Event::Entry { name, size, .. } => format!("entry {name} {size}"),
        Event::InvalidEntry(error) => format!("bad-entry {error}"),
        Event::ListEnd { entries } => format!("list-end {entries}"),
        Event::Answer { name, yes } => format!("answer {name} {}", if yes { "YES" } else { "NO" }),
        Event::Refused { name } => format!("refused {name}"),
        Event::Ignored { verb } => format!("ignored {verb}"),
        Event::End => "end".into(),
        other => panic!("unexpected event: {other:?}"),
    }
}
