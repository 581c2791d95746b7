//! Parses arbitrary bytes of a client, in arbitrary pieces, into buffers of any size.

#![allow(clippy::unwrap_used)]

use super::*;

/// The bytes and control frames received, and the error that ended it.
type Outcome = (Vec<u8>, Vec<ControlFrame>, Option<FrameError>);

/// Generates a client's frames, some of them invalid.
fn frames(rng: &mut fastrand::Rng) -> Vec<u8> {
    let mut bytes = Vec::new();
    for _ in 0..rng.usize(1..12) {
        let length = [0, rng.usize(..126), rng.usize(..2000), rng.usize(65_530..70_000)];
        let opcode = match rng.u8(..20) {
            0..12 => OpCode::Data(Data::Binary),
            12 => OpCode::Data(Data::Text),
            13..16 => OpCode::Data(Data::Continue),
            16 | 17 => OpCode::Control(Control::Ping),
            18 => OpCode::Control(Control::Pong),
            _ => OpCode::Control(Control::Close),
        };
        let max = if matches!(opcode, OpCode::Control(_)) { 2 } else { 4 };
        let payload = vec![rng.u8(..); length[rng.usize(..max)]];
        let mask = (rng.u8(..20) > 0).then(|| [rng.u8(..), rng.u8(..), rng.u8(..), rng.u8(..)]);
        let header = FrameHeader {
            is_final: rng.u8(..6) > 0,
            rsv1: rng.u8(..40) == 0,
            opcode,
            mask,
            ..FrameHeader::default()
        };
        header.format(payload.len() as u64, &mut bytes).unwrap();
        let mask = mask.unwrap_or_default();
        bytes.extend(payload.iter().zip(mask.iter().cycle()).map(|(byte, mask)| byte ^ mask));
    }
    if rng.u8(..4) == 0 {
        let at = rng.usize(..bytes.len());
        bytes[at] ^= 1 << rng.u8(..8);
    }
    bytes
}

fn receive(bytes: &[u8], mut size: impl FnMut() -> usize) -> Outcome {
    let (mut frames, mut out, mut controls) = (Frames::default(), Vec::new(), Vec::new());
    let mut rest = bytes;
    while !rest.is_empty() {
        let (mut piece, after) = rest.split_at(size().clamp(1, rest.len()));
        rest = after;
        while !piece.is_empty() {
            let mut room = vec![0; size()];
            let mut buffer = ReadBuf::new(&mut room);
            let taken = frames.receive(piece, &mut buffer);
            out.extend_from_slice(buffer.filled());
            match taken {
                Ok((taken, event)) => {
                    let full = buffer.remaining() == 0;
                    assert!(taken > 0 || event.is_some() || full, "no progress");
                    piece = &piece[taken..];
                    controls.extend(event);
                }
                Err(error) => return (out, controls, Some(error)),
            }
            // No more than one header is kept.
            assert!(frames.header.len() <= MAX_HEADER_LEN, "{} bytes", frames.header.len());
        }
    }
    (out, controls, None)
}

#[test]
fn parses_the_same_at_any_split() {
    for seed in 0..150 {
        let mut rng = fastrand::Rng::with_seed(seed);
        let bytes = frames(&mut rng);
        let whole = receive(&bytes, || 1 << 20);
        let most = [2, 20, 3000][rng.usize(..3)];
        let pieces = receive(&bytes, || rng.usize(1..=most));
        assert_eq!(pieces, whole, "seed {seed}");
    }
}

#[test]
fn receives_valid_messages_as_sent() {
    for seed in 0..100 {
        let mut rng = fastrand::Rng::with_seed(seed);
        let (mut bytes, mut sent) = (Vec::new(), Vec::new());
        for _ in 0..rng.usize(1..10) {
            let payload: Vec<_> = (0..rng.usize(..5000)).map(|_| rng.u8(..)).collect();
            let mask = [rng.u8(..), rng.u8(..), rng.u8(..), rng.u8(..)];
            let header = FrameHeader {
                opcode: OpCode::Data(Data::Binary),
                mask: Some(mask),
                ..FrameHeader::default()
            };
            header.format(payload.len() as u64, &mut bytes).unwrap();
            bytes.extend(payload.iter().zip(mask.iter().cycle()).map(|(byte, mask)| byte ^ mask));
            sent.extend(payload);
        }
        assert_eq!(receive(&bytes, || rng.usize(1..900)), (sent, vec![], None), "seed {seed}");
    }
}
