//! WHEEL: how the wheel was built.
//!
//! ```text
//! Wheel-Version: 1.0
//! Root-Is-Purelib: false
//! Tag: cp312-cp312-manylinux_2_17_x86_64
//! ```

use super::Wheel;

/// Real ones stay below 4 KiB.
pub(super) const MAX_BYTES: u64 = 64 * 1024;

/// `Err` says what is wrong with the file.
pub(super) fn parse(bytes: &[u8]) -> Result<Wheel, String> {
    super::record::reject_nul(bytes)?;
    let text = String::from_utf8_lossy(bytes);
    let mut wheel = Wheel::default();
    for (field, value) in text.lines().filter_map(|line| line.split_once(':')) {
        match field.trim().to_ascii_lowercase().as_str() {
            "root-is-purelib" => wheel.pure = value.trim().eq_ignore_ascii_case("true"),
            "tag" => wheel.tags.push(value.trim().to_owned()),
            _ => {}
        }
    }
    Ok(wheel)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reads_tags() {
        let wheel = parse(
            b"Wheel-Version: 1.0\nRoot-Is-Purelib: True\r\nTag: py2-none-any\nTag: py3-none-any\n",
        )
        .unwrap();
        assert_eq!(
            wheel,
            Wheel { pure: true, tags: vec!["py2-none-any".into(), "py3-none-any".into()] }
        );
        assert!(parse(b"").is_err());
    }
}
