#![no_main]

use aios_core::index::fractal::Value;
use aios_core::snapshot::{Context, Options, Reader};
use aios_core::store::Reading;

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| {
    let folder = tempfile::tempdir().expect("a folder");
    let path = folder.path();
    std::fs::write(path.join("context-0000000000000001.aios"), bytes).expect("a file");
    if let Ok(reader) = Reader::open(path, Reading::Copied) {
        let _ = reader.check();
        let _ = reader.list();
    }
    let options = Options { reading: Reading::Copied, salt: None };
    let Ok(mut context) = Context::open(path, &options) else { return };
    let _ = context.verify();
    let _ = context.costs();
    let _ = context.put(&[b"a", b"b"], &Value::of(1, b"value"));
    let _ = context.take(None, "a fuzzer");
    let _ = context.compact();
    let _ = context.heal(&[]);
});
