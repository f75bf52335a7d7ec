//! The frame of figures that a C++ core appends a hundred times a second.

use super::Kind;

/// One frame: seven figures and a flag, whose meaning is the writer's. 64 bytes, little-endian, in the order of
/// the fields; C, C++ and C# have the same struct.
#[repr(C)]
#[derive(Debug, Clone, Copy, PartialEq, Default)]
pub struct MetricFrame {
    /// The figures.
    pub values: [f64; 7],
    /// The flag.
    pub flag: bool,
    /// Zero.
    pub padding: [u8; 7],
}

const _: () = {
    assert!(size_of::<MetricFrame>() == MetricFrame::BYTES);
    assert!(std::mem::offset_of!(MetricFrame, values) == 0);
    assert!(std::mem::offset_of!(MetricFrame, flag) == 56);
    assert!(std::mem::offset_of!(MetricFrame, padding) == 57);
};

impl MetricFrame {
    /// The kind of its record.
    pub const KIND: Kind = Kind::Metrics;
    /// Of a frame.
    pub const BYTES: usize = 64;

    /// As a record has it.
    pub fn encode(&self) -> [u8; Self::BYTES] {
        let mut bytes = [0; Self::BYTES];
        for (value, bytes) in self.values.iter().zip(bytes.chunks_exact_mut(8)) {
            bytes.copy_from_slice(&value.to_le_bytes());
        }
        bytes[56] = u8::from(self.flag);
        bytes
    }

    /// Of the bytes of a record. `None` when there are more or fewer, or the flag is none.
    pub fn decode(bytes: &[u8]) -> Option<MetricFrame> {
        let (words, rest) = bytes.as_chunks::<8>();
        if words.len() != 8 || !rest.is_empty() || words[7][0] > 1 {
            return None;
        }
        let mut frame = MetricFrame { flag: words[7][0] == 1, ..MetricFrame::default() };
        for (value, word) in frame.values.iter_mut().zip(words) {
            *value = f64::from_le_bytes(*word);
        }
        Some(frame)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_frame_is_what_was_encoded() {
        let values = [1.5, -0.0, f64::MAX, f64::MIN_POSITIVE, f64::INFINITY, 0.1, 7.0];
        let frame = MetricFrame { values, flag: true, padding: [0; 7] };
        let bytes = frame.encode();
        assert_eq!(MetricFrame::decode(&bytes), Some(frame));
        assert_eq!(bytes[..8], 1.5f64.to_le_bytes());
        assert_eq!(bytes[56..], [1, 0, 0, 0, 0, 0, 0, 0]);
        assert_eq!(MetricFrame::decode(&bytes[..63]), None);
        assert_eq!(MetricFrame::decode(&[bytes.as_slice(), &[0]].concat()), None);
        let mut neither = bytes;
        neither[56] = 2;
        assert_eq!(MetricFrame::decode(&neither), None);
    }
}
