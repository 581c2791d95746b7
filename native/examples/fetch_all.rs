//! Fetches everything that a nick or a code shares.
//!
//! Usage: `fetch_all RELAY NICK_OR_CODE FOLDER`

#![allow(clippy::print_stdout)]

use std::env;
use std::error::Error;

use futures_util::{StreamExt as _, TryStreamExt as _, stream};
use xcher::{Options, Peer};

#[tokio::main]
async fn main() -> Result<(), Box<dyn Error>> {
    let arguments: Vec<String> = env::args().skip(1).collect();
    let [relay, who, folder] = arguments.as_slice() else {
        return Err("usage: fetch_all RELAY NICK_OR_CODE FOLDER".into());
    };
    let peer = Peer::connect(relay, Options::new().save_to(folder)).await?;
    let session = peer.open(who).await?;
    let files: Vec<_> = session.list().try_collect().await?;
    // A sender by code waits until all of these are stored.
    session.announce(&files);
    let downloads = stream::iter(&files).map(|file| session.get(file)).map(IntoFuture::into_future);
    let mut downloads = downloads.buffer_unordered(16);
    while let Some(stored) = downloads.try_next().await? {
        println!("{} ({} bytes)", stored.path.display(), stored.bytes);
    }
    session.end();
    peer.close().await;
    Ok(())
}
