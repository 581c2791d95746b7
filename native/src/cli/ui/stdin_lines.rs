//! Lines the user types while other events are handled.

use std::io;

use tokio::sync::mpsc;

/// Lines of standard input. Reading starts when the first line is wanted: a background process that reads
/// from its terminal is stopped.
#[derive(Default)]
pub(crate) struct StdinLines(Option<mpsc::UnboundedReceiver<String>>);

impl StdinLines {
    /// Returns the next line; `None` at the end. Dropping the future loses nothing.
    pub(crate) async fn next(&mut self) -> Option<String> {
        self.0.get_or_insert_with(read).recv().await
    }
}

fn read() -> mpsc::UnboundedReceiver<String> {
    let (sender, lines) = mpsc::unbounded_channel();
    // A thread of its own, because a blocking read of a terminal cannot be cancelled.
    std::thread::spawn(move || {
        for line in io::stdin().lines().map_while(Result::ok) {
            if sender.send(line).is_err() {
                return;
            }
        }
    });
    lines
}
