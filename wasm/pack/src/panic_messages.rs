//! Erases the messages of panics: nothing reports them.

use std::collections::{BTreeSet, HashMap};
use std::ops::Range;

use walrus::ir::{Const, Instr, InstrLocId, Value, Visitor, dfs_in_order};
use walrus::{Data, FunctionId, Module};

use crate::locations::start;

/// Lengths that a message can have.
const LENGTHS: Range<usize> = 4..512;

/// The form of a function's message: text and its length, or the template of a format, whose length is
/// doubled and marked by one.
#[derive(Clone, Copy, PartialEq)]
pub(crate) enum Message {
    Text,
    Format,
}

/// Overwrites the messages passed to `panics` with zeros, unless something else refers to them. The bodies
/// of `panics` must still be there.
pub(crate) fn erase_messages(module: &mut Module, panics: &HashMap<FunctionId, Message>) {
    let mut calls = Calls {
        panics,
        in_panic: false,
        recent: Vec::new(),
        messages: Vec::new(),
        used: BTreeSet::new(),
    };
    for (id, function) in module.funcs.iter_local() {
        calls.in_panic = panics.contains_key(&id);
        dfs_in_order(&mut calls, function, function.entry_block());
        calls.end_run();
    }
    let Calls { messages, mut used, .. } = calls;
    // Addresses can also be in the data, in tables.
    for data in module.data.iter() {
        used.extend(
            data.value
                .chunks_exact(4)
                .map(|word| u32::from_le_bytes([word[0], word[1], word[2], word[3]]) as usize),
        );
    }
    let all: Vec<_> = module.data.iter().map(Data::id).collect();
    for id in all {
        let data = module.data.get_mut(id);
        let Some(start) = start(data) else { continue };
        for message in
            messages.iter().filter(|message| used.range((*message).clone()).next().is_none())
        {
            let Some(from) = message.start.checked_sub(start) else { continue };
            let text = data.value.get_mut(from..from + message.len());
            if let Some(text) =
                text.filter(|text| text.iter().all(|byte| matches!(byte, b' '..=b'~')))
            {
                text.fill(0);
            }
        }
    }
}

/// Constants in the order in which functions push them.
struct Calls<'a> {
    panics: &'a HashMap<FunctionId, Message>,
    in_panic: bool,
    /// Constants pushed since the last other instruction.
    recent: Vec<usize>,
    /// Memory that may be a message of a panic.
    messages: Vec<Range<usize>>,
    /// Constants other than arguments of a panic: they may be addresses.
    used: BTreeSet<usize>,
}

impl Calls<'_> {
    fn end_run(&mut self) {
        if self.in_panic {
            self.recent.clear();
        }
        self.used.extend(self.recent.drain(..));
    }
}

impl Visitor<'_> for Calls<'_> {
    fn visit_instr(&mut self, instr: &Instr, _: &InstrLocId) {
        match instr {
            Instr::Const(Const { value: Value::I32(value) }) => {
                self.recent.extend(usize::try_from(*value));
            }
            Instr::Call(call) => match self.panics.get(&call.func) {
                Some(message) => {
                    for pair in self.recent.windows(2) {
                        let length = pair[1] >> usize::from(*message == Message::Format);
                        if LENGTHS.contains(&length) {
                            self.messages.push(pair[0]..pair[0] + length);
                        }
                    }
                    self.recent.clear();
                }
                None => self.end_run(),
            },
            _ => self.end_run(),
        }
    }
}
