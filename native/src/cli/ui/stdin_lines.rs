//! What the user types while something else goes on.

use std::io::{self};

use tokio::sync::mpsc;

/// Lines of standard input. Nothing is read before the first is wanted: a process in the background
/// of a terminal would be stopped for it.
#[derive(Default)]
pub(crate) struct StdinLines(Option<mpsc::UnboundedReceiver<String>>);

impl StdinLines {
    /// The next line; `None` where there is no more. Dropping the future loses nothing.
    pub(crate) async fn next(&mut self) -> Option<String> {
        self.0.get_or_insert_with(read).recv().await
    }
}

fn read() -> mpsc::UnboundedReceiver<String> {
    let (sender, answers) = mpsc::unbounded_channel();
    // A thread of its own, because reading a terminal cannot be given up.
    std::thread::spawn(move || {
        for line in io::stdin().lines().map_while(Result::ok) {
            if sender.send(line).is_err() {
                return;
            }
        }
    });
    answers
}
