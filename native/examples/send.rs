//! Sends files and folders to anyone with the code that it prints.
//!
//! Usage: `send RELAY PATH…`

#![allow(clippy::print_stdout)]

use std::env;
use std::error::Error;

use futures_util::StreamExt as _;
use xcher::{Event, Options, Peer};

#[tokio::main]
async fn main() -> Result<(), Box<dyn Error>> {
    let mut arguments = env::args().skip(1);
    let relay = arguments.next().ok_or("usage: send RELAY PATH…")?;
    let sending = Peer::send(&relay, arguments, Options::new()).await?;
    println!("{}", sending.code());
    let mut events = sending.peer().events();
    let report = async {
        while let Some(event) = events.next().await {
            if let Event::Delivered { name, delivery, .. } = event {
                println!("{name}: {delivery}");
            }
        }
    };
    tokio::select! {
        sent = sending.done() => println!("{} files stored", sent?.stored),
        () = report => {}
    }
    sending.stop().await;
    Ok(())
}
