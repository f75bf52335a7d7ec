//! Frames around payloads on disk: what it is, which version, how long, and a checksum. A frame that is
//! not wholly right is no frame.
//!
//! ```text
//! 0   magic     8 bytes
//! 8   version   u32, little-endian
//! 12  checksum  u32, little-endian: CRC-32C of the payload
//! 16  length    u64, little-endian: bytes of the payload
//! 24  payload
//! ```

const HEADER_BYTES: usize = 24;

/// Puts a frame around a payload.
pub(crate) fn frame(magic: [u8; 8], version: u32, payload: &[u8]) -> Vec<u8> {
    let mut framed = Vec::with_capacity(HEADER_BYTES + payload.len());
    framed.extend_from_slice(&magic);
    framed.extend_from_slice(&version.to_le_bytes());
    framed.extend_from_slice(&crc32c::crc32c(payload).to_le_bytes());
    framed.extend_from_slice(&(payload.len() as u64).to_le_bytes());
    framed.extend_from_slice(payload);
    framed
}

/// The payload of a whole frame of this kind and version.
pub(crate) fn payload(magic: [u8; 8], version: u32, framed: &[u8]) -> Option<&[u8]> {
    let (header, payload) = framed.split_at_checked(HEADER_BYTES)?;
    let word = |at: usize| header[at..at + 4].try_into().ok().map(u32::from_le_bytes);
    let length = u64::from_le_bytes(header[16..24].try_into().ok()?);
    let whole = header[..8] == magic
        && word(8)? == version
        && length == payload.len() as u64
        && word(12)? == crc32c::crc32c(payload);
    whole.then_some(payload)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_a_whole_frame_is_a_frame() {
        let framed = frame(*b"AIOSTEST", 3, b"payload");
        assert_eq!(payload(*b"AIOSTEST", 3, &framed), Some(b"payload".as_slice()));
        assert_eq!(payload(*b"AIOSTEST", 4, &framed), None);
        assert_eq!(payload(*b"AIOSTESU", 3, &framed), None);
        for cut in 0..framed.len() {
            assert_eq!(payload(*b"AIOSTEST", 3, &framed[..cut]), None, "cut at {cut}");
        }
        for byte in 0..framed.len() {
            let mut flipped = framed.clone();
            flipped[byte] ^= 1;
            assert_eq!(payload(*b"AIOSTEST", 3, &flipped), None, "flipped at {byte}");
        }
    }
}
